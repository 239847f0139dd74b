"""FSRT's augmentation (section 3.2): colour jitter, and random crops of the driving face. Pictures are N x 3 x S x S."""
import torch
import torch.nn.functional as F

JITTER = 0.3
GREY = (0.299, 0.587, 0.114)


def jittered(pictures, random, together=1):
    """Brightness, contrast, saturation and hue, drawn anew for each group of `together` pictures in a row."""
    groups = len(pictures) // together
    draw = lambda spread: (1 + spread * (2 * torch.rand(groups, generator=random) - 1)) \
        .repeat_interleave(together)[:, None, None, None].to(pictures)
    x = pictures * draw(JITTER)
    x = x.mean((1, 2, 3), keepdim=True) + (x - x.mean((1, 2, 3), keepdim=True)) * draw(JITTER)
    grey = (x * x.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)
    x = grey + (x - grey) * draw(JITTER)
    tint = 1 + 0.1 * (2 * torch.rand(groups, 3, 1, 1, generator=random) - 1)
    return (x * tint.repeat_interleave(together, 0).to(x)).clamp(0, 1)


def face_crops(pictures, landmarks, random):
    """Omega of equation 12: a random rectangle that holds the face's points (N x P x 2 in (-1, 1)), brought back to S x S, so
    that the aspect ratio changes."""
    low = landmarks.amin(1).clamp(-1, 1).cpu()
    high = landmarks.amax(1).clamp(-1, 1).cpu()
    share = torch.rand(2, *low.shape, generator=random)
    left, right = -1 + share[0] * (low + 1), high + share[1] * (1 - high)
    right = torch.maximum(right, left + 0.25)
    theta = torch.zeros(len(pictures), 2, 3)
    for axis in range(2):
        theta[:, axis, axis] = (right[:, axis] - left[:, axis]) / 2
        theta[:, axis, 2] = (right[:, axis] + left[:, axis]) / 2
    grid = F.affine_grid(theta.to(pictures), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode='border', align_corners=False)
