// Every message between the tabs that share an engine. Types only.

/** @import { WireError } from '../error.js' */
/** @import { EngineCall, Method, Methods, ModelInfo, Progress } from '../protocol.js' */
/** @import { CallEvent } from '../worker-group.js' */

/**
 * To all tabs. `hello` asks who leads; `leader` says so, with an `epoch` that names this very leadership; `progress` tells how far the
 * leader's load is.
 * @typedef {{ type: 'hello', from: string }
 *   | { type: 'leader', epoch: string, info: ModelInfo | undefined }
 *   | { type: 'progress', epoch: string, progress: Progress }} ToAll
 */

/**
 * A follower to the leader. `join` says that it is there, and whether it wants generations to pause; `leave` that it has gone; `heard` that
 * it knows of the engine's death.
 * @typedef {{ from: string } & ({ type: 'join', wantsPause: boolean }
 *   | { type: 'leave' | 'heard' }
 *   | { type: 'ping' }
 *   | { type: 'call', id: number, method: Method, args: Methods[Method]['args'] }
 *   | { type: 'cancel' | 'stop', id: number })} ToLeader
 */

/**
 * The leader to a follower. `dead`: its workers have died, and with them every call.
 * @typedef {{ epoch: string } & ({ type: 'pong' }
 *   | { type: 'dead', error: WireError }
 *   | { type: 'event', id: number, event: CallEvent }
 *   | { type: 'result', id: number, value: any }
 *   | { type: 'failure', id: number, error: WireError })} ToFollower
 */

export {};
