import { once } from 'node:events';
import type { SideBySide } from './comparison.js';
import { fileUrl, startTool } from './ffmpeg-process.js';

/** x264's rate factor: no difference to see, at a tenth of the bits. */
const CRF = '16';

/**
 * Encodes H.264 that browsers and phones play, the index first. False where ffmpeg is not installed
 * or failed for another reason than the disk; rejects with ENOSPC or EACCES for that one.
 */
export async function encodeMp4(
  pictures: SideBySide,
  path: string,
  signal?: AbortSignal,
): Promise<boolean> {
  signal?.throwIfAborted();
  const { width, height, fps, count } = pictures;
  const tool = startTool(
    'ffmpeg',
    [
      ...['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'rgba'],
      ...['-s', `${width}x${height}`, '-r', fps.toFixed(6), '-i', 'pipe:0'],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', CRF, '-pix_fmt', 'yuv420p'],
      ...['-movflags', '+faststart', '-f', 'mp4', fileUrl(path)],
    ],
    'the comparison needs',
    'pipe',
  );
  const stdin = tool.process.stdin!;
  // A process that is gone closes its pipe; how it ended says why.
  stdin.on('error', () => undefined);
  const ended = tool.ended.then(
    ({ status, stderr }) => {
      stdin.destroy();
      return { status, stderr };
    },
    () => {
      stdin.destroy();
      return { status: -1, stderr: '' };
    },
  );
  try {
    for (let at = 0; at < count && !stdin.destroyed; at++) {
      signal?.throwIfAborted();
      const picture = await pictures.compose(at);
      if (stdin.destroyed) break;
      if (!stdin.write(picture.data)) {
        await Promise.race([once(stdin, 'drain').catch(() => undefined), ended]);
      }
    }
    stdin.end();
    const { status, stderr } = await ended;
    throwDiskErrors(stderr);
    return status === 0;
  } finally {
    await tool.kill();
  }
}

function throwDiskErrors(stderr: string): void {
  const code = /No space left on device/.test(stderr)
    ? 'ENOSPC'
    : /Permission denied/.test(stderr)
      ? 'EACCES'
      : undefined;
  if (code !== undefined) throw Object.assign(new Error(stderr.trim()), { code });
}
