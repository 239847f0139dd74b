"""Losses of the `portrait` training, and the measures that tell how it goes.

No pretrained perceptual network may be had: a Laplacian pyramid, SSIM, the energy of fine detail
and a patch discriminator with feature matching (pix2pixHD, Wang et al. 2018) stand in for it.
"""
import torch
import torch.nn.functional as F
from torch import nn


def blurred(x):
    """Binomial 5 x 5 blur."""
    taps = torch.tensor([1., 4., 6., 4., 1.], device=x.device) / 16
    n, c, h, w = x.shape
    x = x.reshape(n * c, 1, h, w)
    x = F.conv2d(F.pad(x, (2, 2, 0, 0), mode='reflect'), taps.reshape(1, 1, 1, 5))
    x = F.conv2d(F.pad(x, (0, 0, 2, 2), mode='reflect'), taps.reshape(1, 1, 5, 1))
    return x.reshape(n, c, h, w)


def bands(x, levels=3):
    """Laplacian pyramid (Burt & Adelson 1983), finest first; the last is what is left."""
    result = []
    for _ in range(levels):
        low = blurred(x)
        result.append(x - low)
        x = F.avg_pool2d(low, 2)
    return result + [x]


def ssim_loss(a, b, weight):
    """1 - SSIM (Wang et al. 2004) of the grey pictures, in windows of 7 x 7."""
    a, b = a.mean(1, keepdim=True), b.mean(1, keepdim=True)
    pool = lambda x: F.avg_pool2d(x, 7, 1)
    ma, mb = pool(a), pool(b)
    va, vb, ab = pool(a * a) - ma * ma, pool(b * b) - mb * mb, pool(a * b) - ma * mb
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    ssim = (2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    weight = pool(weight)
    return ((1 - ssim) * weight).sum() / weight.sum()


def detail_energy(band):
    """Square root of the mean energy of a band over blocks of 8 x 8, all colours together."""
    return torch.sqrt(F.avg_pool2d((band * band).mean(1, keepdim=True), 8, 4) + 1e-5)


def log_error(error, mask):
    """Mean over the pictures of ln(MSE) where `mask` is: 4.34 dB of PSNR each, for all pictures alike."""
    square = (error * error).mean(1, keepdim=True)
    mse = (square * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)
    return torch.log(mse + 1e-4).mean()


def picture_losses(made, target, weight, face):
    """Named terms of one batch. `weight` and `face` (0-1, where the face is) are N x 1 x H x W."""
    total = weight.mean()
    error = made - target
    ours, theirs = bands(made), bands(target)
    laplacian = 0
    for level, (a, b) in enumerate(zip(ours, theirs)):
        w = F.avg_pool2d(weight, 2 ** level) if level else weight
        laplacian = laplacian + (torch.abs(a - b) * w).mean() / total
    energy = 0
    for level, (a, b) in enumerate(zip(ours[:2], theirs[:2])):
        difference = torch.abs(detail_energy(a) - detail_energy(b))
        where = F.avg_pool2d(F.avg_pool2d(face, 2 ** level), 8, 4)
        energy = energy + (difference * where).sum() / where.sum().clamp(min=1)
    return {
        'charbonnier': (torch.sqrt(error * error + 1e-6) * weight).mean() / total,
        'picture': log_error(error, torch.ones_like(weight)),
        'features': log_error(error, (weight > 1).float()),
        'laplacian': laplacian,
        'ssim': ssim_loss(made, target, weight),
        'energy': energy,
    }


class Discriminator(nn.Module):
    """Patch discriminator on a picture beside what it is made from (warp and target alike): a score
    for each patch of about 46 pixels, and the features that the generator is to match."""

    def __init__(self, width=24):
        super().__init__()
        widths = [6, width, 2 * width, 4 * width]
        self.layers = nn.ModuleList(
            nn.utils.spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in zip(widths, widths[1:]))
        self.score = nn.utils.spectral_norm(nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, picture, beside):
        x = torch.cat([picture, beside], 1) - 0.5
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.score(x), features


def psnr(a, b, weight=None):
    """dB over a batch; with `weight` over where it is above 1 (mouth and eyes)."""
    error = ((a - b) ** 2).mean(1, keepdim=True)
    mask = torch.ones_like(error) if weight is None else (weight > 1).float()
    mse = (error * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)
    return float((-10 * torch.log10(mse + 1e-8)).mean())


def sharpness(a, b):
    """Energy of the finest band of `a` over that of `b`."""
    (fine_a, *_), (fine_b, *_) = bands(a, 1), bands(b, 1)
    return float(((fine_a ** 2).mean((1, 2, 3)) / (fine_b ** 2).mean((1, 2, 3))).mean())
