"""Losses of the `portrait` training: beside `common.likeness`, a patch discriminator with feature matching (pix2pixHD,
Wang et al. 2018) stands in for a perceptual network."""
import torch
import torch.nn.functional as F
from torch import nn

from common.likeness import bands, detail_energy, ssim_loss


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
