"""How alike pictures are, for losses and measures of all families (N x 3 x S x S, 0-1 or -1 to 1 as the loss says).

No pretrained perceptual network may be had: a Laplacian pyramid, SSIM and the energy of fine detail stand in for it.
"""
import torch
import torch.nn.functional as F


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
