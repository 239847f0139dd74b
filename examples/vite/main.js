import { createCallChannels, TalkingHeadReceiver, TalkingHeadSender } from 'visavis/browser';

/** A call with oneself: in an application each side has one of the two connections. */
async function start() {
  const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()];
  const { outgoing } = createCallChannels(here, 'caller');
  const { incoming } = createCallChannels(there, 'callee');

  const worker = new Worker(new URL('visavis/worker', import.meta.url), { type: 'module' });
  const receiving = { connection: there, channels: incoming, worker };
  const receiver = await TalkingHeadReceiver.create(receiving);
  document.querySelector('video').srcObject = new MediaStream([receiver.track]);

  const camera = await navigator.mediaDevices.getUserMedia({ video: true });
  const [track] = camera.getVideoTracks();
  const sending = { track, connection: here, channels: outgoing, worker };
  const sender = await TalkingHeadSender.create(sending);
  sender.addEventListener('statechange', async ({ detail }) => {
    const { decoder } = await receiver.getStats();
    const why = detail.error ? `: ${detail.error.code}, ${detail.error.message}` : '';
    say(`${detail.state}${why}, decoder: ${decoder.runtime} (${decoder.reason})`);
  });
  await connect(here, there);
}

async function connect(here, there) {
  here.onicecandidate = ({ candidate }) => there.addIceCandidate(candidate);
  there.onicecandidate = ({ candidate }) => here.addIceCandidate(candidate);
  await here.setLocalDescription();
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription();
  await here.setRemoteDescription(there.localDescription);
}

function say(text) {
  document.querySelector('output').textContent = text;
}

start().catch(({ message }) => say(message));
