"""Losses of Head2HeadFS (Doukas et al. 2021, section 3.3).

No pretrained perceptual network may be had, so in the place of VGG's features stand those of
`common.likeness`: the Laplacian pyramid, SSIM and the energy of fine detail.
"""
import torch.nn.functional as F

from common.likeness import bands, detail_energy, ssim_loss

SSIM_SHARE, ENERGY_SHARE = 0.2, 0.5


def match_loss(h, w):
    """1 - cosine of the embedding and the discriminator's row, N x n_f both (equation 8)."""
    return (1 - F.cosine_similarity(h, w, dim=1)).mean()


def perceptual_loss(made, target):
    """In the place of the VGG loss; N x 3 x S x S, -1 to 1."""
    made, target = (made + 1) / 2, (target + 1) / 2
    ours, theirs = bands(made), bands(target)
    laplacian = sum(F.l1_loss(a, b) for a, b in zip(ours, theirs))
    energy = sum(F.l1_loss(detail_energy(a), detail_energy(b)) for a, b in zip(ours[:2], theirs[:2]))
    weight = (made[:, :1] * 0 + 1).detach()
    return laplacian + SSIM_SHARE * ssim_loss(made, target, weight) + ENERGY_SHARE * energy


def generator_hinge(scores):
    return -scores.mean()


def discriminator_hinge(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def feature_matching(fake, real):
    """The mean distance of a discriminator's features, each layer alike."""
    return sum(F.l1_loss(a, b.detach()) for a, b in zip(fake, real)) / len(fake)
