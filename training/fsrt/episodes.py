"""What FSRT's networks are trained on: episodes of `common.crops` without contours."""
import numpy as np

from common.crops import Crops, moved, recoloured


class Episodes(Crops):
    def episode(self, target, references, rng=None):
        """`target` (3, S, S), `target_landmarks` (478, 3), `references` (K, 3, S, S), float32. With `rng`: augmented. A still
        that is its own source is moved on its own, so that it shows how pixels follow the keypoints."""
        crops = [self.crop(index) for index in (target, *references)]
        pictures, landmarks = map(np.stack, zip(*crops))
        if rng is not None:
            if target in references:
                pictures, landmarks = map(np.concatenate, zip(*(
                    moved(pictures[k:k + 1], landmarks[k:k + 1], rng) for k in range(len(pictures)))))
            else:
                pictures, landmarks = moved(pictures, landmarks, rng)
            pictures = recoloured(pictures, rng)
        return {'target': pictures[0], 'references': pictures[1:], 'target_landmarks': landmarks[0].astype('f4')}
