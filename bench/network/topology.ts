/** Three network namespaces of Linux: a sender and a receiver, and a router between them. */
import { spawnSync } from 'node:child_process';
import { netemArguments, type Scenario, tbfArguments } from './scenarios.js';

/** Why no such network can be made here; one line for people. */
export class CannotRun extends Error {}

/** A network between two namespaces. */
export interface Topology {
  /** Whether the kernel has netem. */
  readonly netem: boolean;
  /** Commands to run another one in the namespace of each. */
  readonly within: Readonly<Record<'sender' | 'receiver' | 'router', readonly string[]>>;
  /** The router's address as each of the two sees it. */
  readonly router: Readonly<Record<'sender' | 'receiver', string>>;
  /** Makes the network that of the scenario: what netem does where there is one, and the rate. */
  apply(scenario: Scenario): void;
  /** Lets the router forward packets, or drop them in silence. */
  forward(on: boolean): void;
  /** Packets that the router's queues have sent and dropped, by direction, since `apply`. */
  counts(): Record<'forward' | 'backward', { readonly packets: number; readonly dropped: number }>;
  remove(): void;
}

/** Root of a user namespace of one's own may make network namespaces too, where the system lets anybody. */
const UNSHARE = "`unshare -Urmn sh -c 'mount -t tmpfs run /run && npx tsx bench/network.ts'`";

/** The router's end of each veth pair, and its addresses. */
const SIDES = {
  sender: { device: 'vv-s', address: '10.213.1.2', router: '10.213.1.1' },
  receiver: { device: 'vv-r', address: '10.213.2.2', router: '10.213.2.1' },
} as const;

/** Makes the namespaces. Throws a CannotRun where this machine or user may not. */
export function createTopology(): Topology {
  if (process.platform !== 'linux') throw new CannotRun('network namespaces need Linux');
  if (process.getuid?.() !== 0) throw new CannotRun(`network namespaces need root, or ${UNSHARE}`);
  for (const tool of ['ip', 'tc']) {
    if (spawnSync(tool, ['-V']).error) {
      throw new CannotRun(`there is no \`${tool}\`: install iproute2`);
    }
  }
  const name = (role: string) => `visavis-${process.pid}-${role}`;
  const router = name('router');
  const remove = () => {
    for (const role of ['sender', 'receiver', 'router']) {
      spawnSync('ip', ['netns', 'del', name(role)]);
    }
  };
  const inRouter = (args: string) => must('ip', `netns exec ${router} ${args}`);
  try {
    must('ip', `netns add ${router}`);
    for (const role of ['sender', 'receiver'] as const) {
      const { device, address, router: gateway } = SIDES[role];
      const namespace = name(role);
      must('ip', `netns add ${namespace}`);
      must('ip', `link add ${device} netns ${router} type veth peer name net0 netns ${namespace}`);
      must('ip', `-n ${router} addr add ${gateway}/24 dev ${device}`);
      must('ip', `-n ${namespace} addr add ${address}/24 dev net0`);
      must('ip', `-n ${router} link set ${device} up`);
      must('ip', `-n ${namespace} link set net0 up`);
      must('ip', `-n ${namespace} link set lo up`);
      must('ip', `-n ${namespace} route add default via ${gateway}`);
    }
    must('ip', `-n ${router} link set lo up`);
  } catch (error) {
    remove();
    throw new CannotRun(`no network namespaces can be made: ${(error as Error).message}`);
  }
  const tc = (args: string) => inRouter(`tc ${args}`);
  const tryNetem = () => {
    const command = `netns exec ${router} tc qdisc replace dev ${SIDES.sender.device} root netem delay 1ms`;
    return spawnSync('ip', command.split(' ')).status === 0;
  };
  const netem = tryNetem();
  const topology: Topology = {
    netem,
    within: {
      sender: ['ip', 'netns', 'exec', name('sender')],
      receiver: ['ip', 'netns', 'exec', name('receiver')],
      router: ['ip', 'netns', 'exec', router],
    },
    router: { sender: SIDES.sender.router, receiver: SIDES.receiver.router },
    apply(scenario) {
      const netemArgs = netem ? netemArguments(scenario).join(' ') : '';
      const tbf = tbfArguments(scenario).join(' ');
      for (const { device } of Object.values(SIDES)) {
        // Each direction has a queue of its own: that of the device it leaves the router by.
        spawnSync('ip', `netns exec ${router} tc qdisc del dev ${device} root`.split(' '));
        if (netemArgs) tc(`qdisc add dev ${device} root handle 1: netem ${netemArgs}`);
        if (tbf) tc(`qdisc add dev ${device} ${netemArgs ? 'parent 1:1' : 'root'} tbf ${tbf}`);
        if (!netemArgs && !tbf) tc(`qdisc add dev ${device} root pfifo limit 1000`);
      }
      topology.forward(true);
    },
    forward(on) {
      const path = '/proc/sys/net/ipv4/ip_forward';
      must('ip', ['netns', 'exec', router, 'sh', '-c', `echo ${on ? 1 : 0} > ${path}`]);
    },
    counts() {
      const of = (device: string) => {
        const text = tc(`-s -j qdisc show dev ${device}`);
        const [root] = JSON.parse(text) as { packets: number; drops: number }[];
        return { packets: root.packets, dropped: root.drops };
      };
      return { forward: of(SIDES.receiver.device), backward: of(SIDES.sender.device) };
    },
    remove,
  };
  return topology;
}

/** Runs a command and gives what it prints. Throws with what it says where it fails. */
function must(program: string, args: string | readonly string[]): string {
  const list = typeof args === 'string' ? args.split(' ') : args;
  const { status, stdout, stderr } = spawnSync(program, list, { encoding: 'utf8' });
  if (status === 0) return stdout;
  const said = stderr.trim().split('\n')[0];
  throw new Error(`${said} (${program} ${list.join(' ')})`);
}
