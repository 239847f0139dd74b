"""The motion codec's files of an FSRT pack: `vector.bin` and `tables.bin` (spec/bitstream.md, "Motion vector" and
"Entropy tables"). A motion frame is the 10 keypoints' x and y in turn, then e."""
import struct

import numpy as np

RESIDUAL_LIMIT, RESIDUAL_SYMBOLS, LENGTH_SYMBOLS, CONTEXTS = 8, 18, 16, 6
TOTAL = 1 << 15
THRESHOLDS = [2, 4, 6, 8, 12]     # sixteenths of the activity a value
ROUNDING = 0.65                   # as the codec's MotionModel rounds towards the frame before
KEYPOINT_STEP = 0.004             # half a crop unit, of 2 across the picture
EXPRESSION_STEP = 0.4             # of the standard deviation of a value


def write_vector(path, size, poses, rest, steps):
    """`size` pixels across the pictures that the networks see; the first `poses` values are the keypoints'."""
    head = b'VVV1' + struct.pack('>HHH', size, poses, len(rest))
    pairs = np.stack([rest, steps], 1).astype('>f4').tobytes()
    path.write_bytes(head + pairs)


def frequencies(counts):
    """Integer frequencies of 1 and more that sum to 2^15, as `tableFromCounts` of the codec gives them."""
    counts = np.asarray(counts, float)
    result = 1 + np.floor(counts / counts.sum() * (TOTAL - len(counts))).astype(int)
    result[result.argmax()] += TOTAL - result.sum()
    return result


def write_tables(path, residual, length):
    """`residual`: values x 6 contexts x 18 counts; `length`: values x 16 counts. None may be all zero."""
    count = len(length)
    head = struct.pack('>BB', 1, count) if count <= 128 else struct.pack('>BH', 2, count)
    rows = [row for contexts in residual for row in contexts] + list(length)
    cumulative = [np.cumsum(frequencies(row))[:-1] for row in rows]
    path.write_bytes(head + np.concatenate(cumulative).astype('>u2').tobytes())


def guessed_counts(values):
    """Counts where no motion has been seen: Laplacian residuals, wider the more active, lengths alike."""
    symbols = np.arange(RESIDUAL_SYMBOLS) - RESIDUAL_LIMIT
    rows = [np.exp(-np.abs(symbols) / (0.35 + 0.35 * context)) for context in range(CONTEXTS)]
    for row in rows:
        row[-1] = row[0]
    length = np.exp(-np.arange(LENGTH_SYMBOLS) / 4.0)
    return np.tile(np.stack(rows), (values, 1, 1)), np.tile(length, (values, 1))


def statistics(sequences, poses):
    """Rest and steps of values, by sequences (frames x values) of motion."""
    values = np.concatenate(sequences)
    spread = np.maximum(values.std(0), 1e-3)
    steps = np.where(np.arange(values.shape[1]) < poses, KEYPOINT_STEP, EXPRESSION_STEP * spread)
    return values.mean(0), steps


def quantise(amounts, before):
    """Integers nearest to `amounts` (in steps), drawn towards those of the frame before where there is one."""
    origin = before if before is not None else 0
    difference = amounts - origin
    threshold = ROUNDING if before is not None else 0.5
    return origin + (np.sign(difference) * np.floor(np.abs(difference) + 1 - threshold)).astype(int)


def counted(sequences, rest, steps):
    """Counts of the codec's symbols over sequences of motion, at the quantiser that the steps are for; with some of
    `guessed_counts` lent to each table."""
    residual, length = guessed_counts(len(rest))
    pooled = np.zeros_like(residual)
    for sequence in sequences:
        before, activity = None, 0
        for values in sequence:
            now = quantise((values - rest) / steps, before)
            bits = np.minimum([int(abs(v)).bit_length() for v in now], LENGTH_SYMBOLS - 1)
            length[np.arange(len(now)), bits] += 1
            if before is not None:
                change = now - before
                context = sum(activity >= t * len(now) for t in THRESHOLDS)
                symbols = np.where(np.abs(change) <= RESIDUAL_LIMIT, change + RESIDUAL_LIMIT, RESIDUAL_SYMBOLS - 1)
                pooled[np.arange(len(now)), context, symbols] += 1
                activity = (activity * 5 + int(np.minimum(np.abs(change), 6).sum()) * 176 + 8) >> 4
            before = now
    over = pooled.sum(1, keepdims=True)
    lent = 20 * over / np.maximum(1, over.sum(2, keepdims=True))
    return residual * 0.5 + lent + pooled, length
