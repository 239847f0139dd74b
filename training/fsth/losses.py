"""Losses of FSTH (Zakharov et al. 2019, equations 3-6 and 9-10). Pictures in [-1, 1], N x 3 x S x S.

The content loss of the paper compares features of VGG19 and VGGFace, whose weights may not be had here
(no licence for the one's data, none for the other's). `content` stands in for it: the L1 difference of a
Laplacian pyramid, `portrait`'s too, and the energy of fine detail, which L1 alone does not keep.
"""
import torch
import torch.nn.functional as F

from common.likeness import bands, detail_energy

LEVELS = 4
NEAR_CONTOURS = 3.0  # what eyes, brows, nose, mouth and jaw weigh: what VGGFace cares for
# Adam's, BigGAN's (Brock et al. 2019); the paper says Adam alone.
BETAS = (0.0, 0.999)


def content(made, target, contours):
    """Stands in for L_CNT: every octave counts alike, as the paper's five layers of each network do."""
    ours, theirs = bands(made, LEVELS), bands(target, LEVELS)
    near = F.max_pool2d(contours.amax(1, keepdim=True), 5, 1, 2)
    weight = 1 + (NEAR_CONTOURS - 1) * near
    difference = 0
    for level, (a, b) in enumerate(zip(ours, theirs)):
        w = F.avg_pool2d(weight, 2 ** level) if level else weight
        difference = difference + ((a - b).abs() * w).mean() / weight.mean()
    energy = sum(F.l1_loss(detail_energy(a), detail_energy(b)) for a, b in zip(ours[:2], theirs[:2]))
    return difference + energy


def matching(features, wanted):
    """L_FM (equation 4; Wang et al. 2018): L1 after each residual block of the discriminator."""
    return sum(F.l1_loss(ours, theirs.detach()) for ours, theirs in zip(features, wanted))


def match(embeddings, rows):
    """L_MCH (section 3.2): L1 between each reference's embedding, N x K x `most`, and the row W_i of its video,
    N x `most`. A function of both (equation 3): each goes to the other with its own network's update."""
    return F.l1_loss(embeddings, rows[:, None].expand_as(embeddings))


def hinge(fake, real):
    """L_DSC (equations 6 and 10): scores of made and of real pictures, N each."""
    return (F.relu(1 + fake) + F.relu(1 - real)).mean()


def adversarial(judge, made, target, contours, video=None):
    """Terms of L_ADV (equation 4): -D of what was made, and the feature matching. The discriminator gets no
    gradients of it; `video` as it takes them."""
    for parameter in judge.parameters():
        parameter.requires_grad_(False)
    score, features = judge(made, contours, video)
    with torch.no_grad():
        wanted = judge(target, contours, video)[1]
    for parameter in judge.parameters():
        parameter.requires_grad_(True)
    return {'realism': -score.mean(), 'matching': matching(features, wanted)}
