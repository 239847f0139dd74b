"""FSRT's losses (section 3.2 and 3.3): regularisation of the expression vectors, MSE, perceptual, adversarial."""
import torch
import torch.nn.functional as F
from torch import nn

from common.likeness import bands, ssim_loss

EPSILON = 1e-4


def invariance(first, second):
    """Mean over the batch of |a - b|^2 / |e| (equations 11 and 12)."""
    return ((first - second) ** 2).mean()


def covariance(vectors):
    """N x c -> equation 14: squares of all entries of the covariance matrix, the diagonal's too, over c."""
    centred = vectors - vectors.mean(0)
    matrix = centred.T @ centred / max(1, len(vectors) - 1)
    return (matrix ** 2).sum() / vectors.shape[1]


def variance(vectors):
    """N x c -> equation 15: a hinge on the standard deviation of each vector along its features."""
    return F.relu(1 - torch.sqrt(vectors.var(1) + EPSILON)).mean()


def perceptual(made, target):
    """In the place of the paper's L_P, whose VGG-19 was trained on pictures that no rights are known of: Laplacian
    pyramid (Burt & Adelson 1983) and SSIM, which see edges and texture without a pretrained network."""
    pyramid = sum((a - b).abs().mean() for a, b in zip(bands(made), bands(target)))
    return pyramid + ssim_loss(made, target, torch.ones_like(made[:, :1]))


class Discriminator(nn.Module):
    """The keypoint-aware discriminator of the First Order Motion Model: 4 blocks on the picture beside a Gaussian at each
    keypoint. Gives a map of scores and the maps of its blocks."""

    VARIANCE = 0.01

    def __init__(self, keypoints, width=32, most=512):
        super().__init__()
        widths = [3 + keypoints] + [min(most, width * 2 ** i) for i in range(4)]
        spectral = nn.utils.spectral_norm
        self.convs = nn.ModuleList(spectral(nn.Conv2d(a, b, 4)) for a, b in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.InstanceNorm2d(b, affine=True) for b in widths[2:])
        self.score = spectral(nn.Conv2d(widths[-1], 1, 1))

    def forward(self, pictures, keypoints):
        """N x 3 x S x S and N x K x 2."""
        along = torch.linspace(-1, 1, pictures.shape[-1], device=pictures.device)
        x, y = keypoints[..., 0, None, None], keypoints[..., 1, None, None]
        far = (along - x) ** 2 + (along[:, None] - y) ** 2
        x, maps = torch.cat([pictures, torch.exp(-far / (2 * self.VARIANCE))], 1), []
        for index, conv in enumerate(self.convs):
            x = conv(x)
            if index:
                x = self.norms[index - 1](x)
            x = F.leaky_relu(x, 0.2)
            if min(x.shape[-2:]) >= 10:
                x = F.avg_pool2d(x, 2)
            maps.append(x)
        return self.score(x), maps


def generator_losses(judge, made, target, keypoints):
    """Adversarial (least squares) and feature matching terms of the generator."""
    score, maps = judge(made, keypoints)
    with torch.no_grad():
        _, wanted = judge(target, keypoints)
    return ((1 - score) ** 2).mean(), sum((a - b).abs().mean() for a, b in zip(maps, wanted))


def judge_loss(judge, made, target, keypoints):
    return ((1 - judge(target, keypoints)[0]) ** 2).mean() + (judge(made.detach(), keypoints)[0] ** 2).mean()
