"""Losses of LSR's stages (Meshry et al. 2021, equations 2 and 4), with the public code's weights.

Its perceptual losses need VGG19 and VGGFace, which cannot be had under terms that we could pass on:
the Laplacian pyramid and SSIM of `common.likeness` stand in for both. Weights of lips, lids and irises
are larger than of the rest, for what VGGFace would have cared for.
"""
import torch
import torch.nn.functional as F

from common.likeness import bands, ssim_loss

FEATURES = (4, 5, 6, 7, 10, 11, 12)  # classes of `regions`: eyes, brows, mouth, lips
FEATURE_WEIGHT = 3.0
PENALTY = 10.0  # gamma of R1 and R2 (Mescheder et al. 2018, equation 9)


def feature_weight(labels):
    """N x 1 x S x S: 1, more where eyes, brows and mouth are. `labels`: N x S x S."""
    inside = sum((labels == label).float() for label in FEATURES)
    return F.max_pool2d(1 + (FEATURE_WEIGHT - 1) * inside[:, None], 5, 1, 2)


def reconstruction(made, wanted, weight):
    """(L1, what stands in for the perceptual loss); pictures -1 to 1."""
    total = weight.mean()
    l1 = (torch.abs(made - wanted) * weight).mean() / total
    pyramid = 0
    for level, (a, b) in enumerate(zip(bands(made), bands(wanted))):
        w = F.avg_pool2d(weight, 2 ** level) if level else weight
        pyramid = pyramid + (torch.abs(a - b) * w).mean() / total
    return l1, pyramid + 0.5 * ssim_loss((made + 1) / 2, (wanted + 1) / 2, weight)


def segmentation(logits, labels):
    """Cross-entropy with the regions, equation 2's first term."""
    return F.cross_entropy(logits, labels.long())


def code_size(*codes):
    """Mean square of the codes, equation 4's last term."""
    return sum((code * code).mean() for code in codes)


def generator_adversarial(score):
    """Non-saturating logistic loss (Goodfellow et al. 2014)."""
    return F.softplus(-score).mean()


def discriminator_loss(discriminator, real, fake, contours):
    """Logistic loss with the gradient penalties R1 on real and R2 on made pictures."""
    real, fake = real.detach().requires_grad_(), fake.detach().requires_grad_()
    real_score, fake_score = discriminator(real, contours), discriminator(fake, contours)
    real_loss, fake_loss = F.softplus(-real_score), F.softplus(fake_score)
    penalty = 0
    for loss, pictures in ((real_loss, real), (fake_loss, fake)):
        [gradient] = torch.autograd.grad(loss.sum(), [pictures], create_graph=True)
        penalty = penalty + gradient.square().sum((1, 2, 3)).mean()
    return real_loss.mean() + fake_loss.mean() + PENALTY / 2 * penalty
