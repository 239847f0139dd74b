import { RTCDataChannel, type RTCDtlsTransport, RTCSctpTransport } from 'werift';
import { createDataChannels, type DataChannelPair } from '../../src/transport/rtc-data-channel.js';
import { repairSctp } from '../../src/transport/werift-sctp.js';

const SCTP_PORT = 5_000;

/** One end of an SCTP association that runs over function calls instead of DTLS. */
export interface SctpEnd {
  readonly transport: RTCSctpTransport;
  readonly channels: DataChannelPair<RTCDataChannel>;
  /** Packets this end has sent. */
  readonly sent: Uint8Array[];
  /** Set it to lose packets of this end. */
  lose: (packet: Uint8Array) => boolean;
  /** Gives this end a packet as if the peer had sent it. */
  receive(packet: Uint8Array): void;
}

/** Two connected ends, each with the call's two channels. */
export async function createSctpPair(): Promise<[SctpEnd, SctpEnd]> {
  const ends: SctpEnd[] = [];
  const client = createEnd('controlling', (packet) => ends[1].receive(packet));
  const server = createEnd('controlled', (packet) => ends[0].receive(packet));
  ends.push(client, server);
  const opened = [client, server].map(
    ({ channels }) =>
      new Promise<void>((resolve) => {
        channels.motion.onopen = () => resolve();
      }),
  );
  await server.transport.start(SCTP_PORT);
  await client.transport.start(SCTP_PORT);
  await Promise.all(opened);
  return [client, server];
}

function createEnd(role: string, toPeer: (packet: Uint8Array) => void): SctpEnd {
  const transport = new RTCSctpTransport();
  const dtls = {
    id: role,
    iceTransport: { role },
    // SCTP takes its handler away when it stops.
    dataReceiver: undefined as ((packet: Buffer) => void) | undefined,
    onStateChange: { subscribe: () => ({ unSubscribe: () => {} }) },
    sendData: async (packet: Buffer) => {
      end.sent.push(packet);
      if (!end.lose(packet)) setImmediate(toPeer, packet);
    },
  };
  transport.setDtlsTransport(dtls as unknown as RTCDtlsTransport);
  repairSctp(transport);
  const end: SctpEnd = {
    transport,
    channels: createDataChannels({
      createDataChannel: (label, options) =>
        new RTCDataChannel(transport, { label, protocol: '', ...options }),
    }),
    sent: [],
    lose: () => false,
    receive: (packet) => dtls.dataReceiver?.(Buffer.from(packet)),
  };
  return end;
}
