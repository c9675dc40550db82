// SPDX-License-Identifier: Apache-2.0
// What an application sees of the tunnel: options, states, events, statistics.

/** Options of `setupMixTunnel`. All are optional; `undefined` and `null` mean "not given"; unknown members are ignored. */
export interface SetupMixTunnelOpts {
    /** The only exit to use: `identity.encryption@gateway`, base58. Default: chosen from the directory, several tried. */
    preferredIpr?: string | undefined;
    /** The only entry gateway to use: its identity, base58. Default: chosen from the directory. */
    preferredGateway?: string | undefined;
    /** Names the storage, and with it the identity and its gateway. Default `lwmix`. Pages or processes that use it at a time have an identity each. */
    clientId?: string | undefined;
    /** Gateways only by wss. Default true. */
    forceTls?: boolean | undefined;
    /** Packets leave when they are there instead of at random intervals: faster, and observers see when you speak. Default false. */
    disablePoissonTraffic?: boolean | undefined;
    /** No cover packets. Default false. */
    disableCoverTraffic?: boolean | undefined;
    /** A packet is sent again only when it is lost. Usually a copy by a way of its own takes the place of a cover packet, and the first to arrive counts. Default false. */
    disableCopies?: boolean | undefined;
    /** Accepted for compatibility: the supply of reply blocks follows the traffic. */
    openReplySurbs?: number | undefined;
    /** Accepted for compatibility, as above. */
    dataReplySurbs?: number | undefined;
    /** Name servers, `ip:port`; both are asked, the first answer counts. Default `8.8.8.8:53` and `1.1.1.1:53`. */
    primaryDns?: string | undefined;
    fallbackDns?: string | undefined;
    /** Seals what is stored. */
    storagePassphrase?: string | undefined;
    /** For all exits that are tried at the start. Default 60000. */
    connectTimeoutMs?: number | undefined;
    /** Of a lookup. Default 10000. */
    dnsTimeoutMs?: number | undefined;
    /** Of an idle TCP connection. Default 60000; 0 turns keepalive off. */
    tcpKeepaliveMs?: number | undefined;
    /** Accepted for compatibility: windows grow with the traffic. */
    tcpBufferSize?: number | undefined;
    /** Redirects that a request follows. Default 5. */
    maxRedirects?: number | undefined;
    /** Lines on the console about what happens. */
    debug?: boolean | undefined;

    // Beyond the peer's.

    /** Base URLs of the directory, tried in turn. Default: the main network's. */
    directories?: readonly string[] | undefined;
    /** `https://…`: names are asked there (RFC 8484), its own host's by the name servers. */
    dohUrl?: string | undefined;
    /** For one exit's answer, before the next is tried. Default 10000. */
    exitTimeoutMs?: number | undefined;
    /** From the call until `ready`. Default 180000. */
    setupTimeoutMs?: number | undefined;
    /** For TCP and TLS to be up. Default 30000. */
    streamTimeoutMs?: number | undefined;
    /** Connections to one scheme, host and port. Default 6. */
    connectionsPerHost?: number | undefined;
    /** Header User-Agent where a request names none; `''` sends none. */
    userAgent?: string | undefined;
    /** Certificates in PEM to trust besides Mozilla's roots. */
    trustedRoots?: string | undefined;
    /** Nothing is stored: a new identity, which the gateway is told to forget at the end. Default false. */
    ephemeral?: boolean | undefined;
    /** Node only: the folder that holds the storage. Default: `lwmix` in the user's folder for data. */
    storageFolder?: string | undefined;
}

export type TaskName = 'bridge' | 'reactor';

/** The first two are the peer's. `task_panicked`: the module broke down; `error`: what could not be mended. */
export type FailureReason =
    | { kind: 'task_exited'; task: TaskName }
    | { kind: 'task_panicked'; message?: string }
    | { kind: 'error'; code: string; phase: MixPhase; message: string };

export type TunnelStateName = 'connecting' | 'ready' | 'shutting_down' | 'shutdown' | 'failed';
/** Before, during and (unless it failed) after setup; `phase` while one is under way. */
export interface TunnelConnecting { state: 'connecting'; phase?: SetupPhase }
/** `degraded`: something broke and is being mended; requests wait meanwhile. */
export interface TunnelReady { state: 'ready'; degraded?: Degradation }
export interface TunnelShuttingDown { state: 'shutting_down' }
export interface TunnelShutdown { state: 'shutdown' }
export interface TunnelFailed { state: 'failed'; reason: FailureReason }
export type TunnelState = TunnelConnecting | TunnelReady | TunnelShuttingDown | TunnelShutdown | TunnelFailed;

export type SetupPhase = 'directory' | 'gateway' | 'exit';
export interface Degradation { phase: SetupPhase; code: string; message: string }

/** Where something failed: a phase of setup, a layer, or the way between page and worker. */
export type MixPhase = 'options' | 'load' | 'storage' | SetupPhase | 'tunnel' | 'dns' | 'connect' | 'tls' | 'http' | 'websocket';

/** Counted since the tunnel was set up. Times in milliseconds; 0: not yet measured. */
export interface TunnelStats {
    state: TunnelStateName;
    phase: SetupPhase | undefined;
    /** `cover`: with copies, which take its place. */
    packets: { data: number; retransmitted: number; cover: number; acknowledged: number; replies: number };
    bytes: { sent: number; received: number };
    ip: { up: number; down: number; dropped: number };
    frames: { reordered: number; skipped: number };
    /** Reply blocks that the exit has, by our reckoning. */
    surbs: number;
    /** Packets that wait for their moment to leave, and sent ones whose acknowledgement has not come. */
    queue: { waiting: number; unacknowledged: number };
    /** Mixes known in each of the three layers. */
    mixes: [number, number, number];
    /** To the exit and back, and to the gateway and back; the last measured. */
    roundTripMs: number;
    gatewayRoundTripMs: number;
    links: number;
    exits: number;
    setupMs: number;
    gateway: string;
    exit: string;
    /** Bytes of the module's memory. */
    memory: number;
}

export type TunnelEvent =
    | { kind: 'state'; state: TunnelState; stats: TunnelStats }
    /** The exit's policy does not let us reach `destination` (`ip:port`). */
    | { kind: 'refused'; destination: string }
    /** Words from the exit. */
    | { kind: 'notice'; message: string }
    | { kind: 'stats'; stats: TunnelStats };

export interface TunnelEventOptions {
    /** Also sends a `stats` event so often. */
    statsMs?: number | undefined;
    signal?: AbortSignal | undefined;
}

/** What `IMixTunnelWorker.mixFetch` resolves with. */
export interface MixFetchResponseInit {
    body: Uint8Array;
    status: number;
    statusText: string;
    headers: Array<[string, string]>;
}

export type WsEventType = 'open' | 'text' | 'binary' | 'close' | 'error';
export type WsEventCallback = (handleId: number, type: WsEventType, data: unknown) => void;

/** The worker as seen through Comlink (`getMixTunnel()`). */
export interface IMixTunnelWorker {
    setupMixTunnel(opts?: SetupMixTunnelOpts): Promise<void>;
    disconnectMixTunnel(): Promise<void>;
    getTunnelState(): Promise<TunnelState>;
    getTunnelStats(): Promise<TunnelStats>;
    mixFetch(url: string, init: unknown): Promise<MixFetchResponseInit>;
    mixDNS(hostname: string): Promise<string>;
    mixWebSocket(url: string, protocols: string[] | undefined, onEvent: WsEventCallback): Promise<number>;
    wsSend(handleId: number, data: string | Uint8Array | ArrayBuffer): Promise<void>;
    wsClose(handleId: number, code: number, reason: string): Promise<void>;
}

export enum EventKinds {
    Loaded = 'Loaded',
}

export interface LoadedEvent {
    kind: EventKinds.Loaded;
    args: { loaded: true };
}
