"""The published LSR networks in NumPy, pictures H x W x C, straight from the checkpoint's variables: what
test/import-lsr.test.ts holds the import to. `python3 lsr_published.py write FILE` makes a random one."""
import sys

import numpy as np

from lsr.model import Lsr, Shape
from lsr.published import SUFFIX, read_variables, shapes_of

TINY = Shape(size=32, code=8, encoder=4, encoder_downs=3, layout=4, image=4, widest=8, ups=3, projection=4)


def random_variables(shape, seed=1):
    rng = np.random.default_rng(seed)
    made = {}
    for name, dims in shapes_of(Lsr(shape)).items():
        # As Keras names what lies in a Sequential: the encoders' blocks.
        if 'encoder/blocks' in name and '/blocks/0/' not in name:
            name = name.replace('/kernel', '/layer_with_weights-0/kernel').replace('/bias', '/layer_with_weights-0/bias')
        array = rng.standard_normal(dims, 'f4')
        made[name + SUFFIX] = array if len(dims) > 1 else 0.1 * array
    made['g_optimizer/iter' + SUFFIX] = np.zeros((), 'i8')
    made['discriminator/discriminators/0/blocks/0/kernel' + SUFFIX] = np.zeros((1, 1, 6, 4), 'f4')
    return made


class Published:
    def __init__(self, variables, shape):
        self.shape = shape
        self.v = {name.replace('/layer_with_weights-0', '').removesuffix(SUFFIX): a for name, a in variables.items()}

    def conv(self, x, name, gain=2 ** 0.5):
        kernel = self.v[f'{name}/kernel']
        size = kernel.shape[0]
        kernel = kernel * gain / np.sqrt(np.prod(kernel.shape[:-1]))
        padded = np.pad(x, [(size // 2, size // 2)] * 2 + [(0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (0, 1))
        return np.einsum('hwcij,ijco->hwo', windows, kernel) + self.v.get(f'{name}/bias', 0)

    def dense(self, x, name):
        kernel = self.v[f'{name}/kernel']
        return x @ (kernel * 2 ** 0.5 / np.sqrt(len(kernel))) + self.v[f'{name}/bias']

    def encoder(self, x, name):
        x = np.maximum(self.conv(x, f'{name}/blocks/0'), 0)
        for i in range(self.shape.encoder_downs):
            x, block = pooled(x, 2), f'{name}/blocks/{2 + 2 * i}'
            y = self.conv(np.maximum(x, 0), f'{block}/conv_block0')
            y = self.conv(np.maximum(y, 0), f'{block}/conv_block1')
            x = y + (self.conv(x, f'{block}/shortcut') if f'{block}/shortcut/kernel' in self.v else x)
        return self.dense(np.maximum(x, 0).reshape(-1), f'{name}/fc_z')

    def adain(self, x, z, name):
        scale, shift = self.dense(z, f'{name}/dense').reshape(2, -1)
        return norm(x) * (1 + scale) + shift

    def layout(self, x, z):
        skips = []
        for i in range(self.shape.ups):
            block = f'layout_generator/encoder_blocks/{i}/blocks/0'
            y = self.conv(leaky(norm(x)), f'{block}/conv0')
            y = self.conv(leaky(norm(y)), f'{block}/conv1')
            x = blurred(y) + blurred(self.conv(x, f'{block}/conv_shortcut'))
            skips.append(x)
        for i in range(self.shape.ups):
            block = f'layout_generator/decoder_blocks/{i}/resblock_up_fn'
            y = self.conv(doubled(leaky(self.adain(x, z, f'{block}/norm0'))), f'{block}/conv0')
            y = self.conv(leaky(self.adain(y, z, f'{block}/norm1')), f'{block}/conv1')
            x = y + self.conv(doubled(x), f'{block}/conv_shortcut')
            if i < self.shape.ups - 1:
                x = np.concatenate([x, skips[-2 - i]], 2)
        logits = self.conv(x, 'layout_generator/output_conv', 1)[..., :self.shape.classes]
        weights = np.exp(logits - logits.max(2, keepdims=True))
        return weights / weights.sum(2, keepdims=True)

    def spade(self, x, layout, name, activate=True):
        seen = np.maximum(self.conv(pooled(layout, len(layout) // len(x)), f'{name}/spade_norm/conv0'), 0)
        scale, shift = (self.conv(seen, f'{name}/spade_norm/{part}_conv') for part in ('gamma', 'beta'))
        y = norm(x) * (1 + scale) + shift
        return self.conv(leaky(y) if activate else y, f'{name}/conv')

    def image(self, layout, z):
        side = self.shape.size >> self.shape.ups
        x = self.dense(z, 'generator/blocks/0').reshape(side, side, -1)
        for i in range(self.shape.ups + 1):
            x, block = doubled(x) if i else x, f'generator/blocks/{2 + 2 * i}'
            y = self.spade(self.spade(x, layout, f'{block}/conv_block0'), layout, f'{block}/conv_block1')
            has = f'{block}/shortcut/conv/kernel' in self.v
            x = y + (self.spade(x, layout, f'{block}/shortcut', False) if has else x)
        return self.conv(leaky(x), 'generator/to_rgb', 1)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def norm(x):
    return (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-3)


def pooled(x, n):
    h, w, c = x.shape
    return x.reshape(h // n, n, w // n, n, c).mean((1, 3))


def blurred(x):
    padded = np.pad(x, [(0, 1), (0, 1), (0, 0)])
    rows = padded[0:-1:2] + 2 * padded[1::2] + padded[2::2]
    return (rows[:, 0:-1:2] + 2 * rows[:, 1::2] + rows[:, 2::2]) / 16


def doubled(x):
    """Bilinear, pixel centres at halves."""
    def axis(x):
        before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        return np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 1).reshape(-1, *x.shape[1:])
    return axis(axis(x).swapaxes(0, 1)).swapaxes(0, 1)


def main():
    import torch

    if sys.argv[1] == 'write':
        np.savez(sys.argv[2], **random_variables(Shape()))
        return
    variables = random_variables(TINY)
    theirs, ours = Published(variables, TINY), read_variables(variables, TINY)
    rng = np.random.default_rng(2)
    picture, contours = rng.uniform(-1, 1, (2, 32, 32, 3))
    z_layout, z_style = (theirs.encoder(np.concatenate([picture, contours], 2), name)
                         for name in ('layout_encoder', 'encoder'))
    made = theirs.image(theirs.layout(contours, z_layout), z_style)
    nchw = lambda x: torch.from_numpy(x.transpose(2, 0, 1)[None].astype('f4'))
    with torch.no_grad():
        codes = [encoder(nchw(picture), nchw(contours)) for encoder in (ours.layout_encoder, ours.style_encoder)]
        drawn = ours.decode(nchw(contours), *codes)[0][0].numpy().transpose(1, 2, 0)
    print(max(np.abs(codes[0][0].numpy() - z_layout).max(), np.abs(codes[1][0].numpy() - z_style).max(),
              np.abs(drawn - made).max()), np.abs(made).max())


if __name__ == '__main__':
    main()
