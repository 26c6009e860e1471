import { resolve } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Config } from '../core/config'
import { errorCodes, fail } from '../core/errors'
import { findSocket } from '../embedded/unix-socket'
import { controlSocket, snapshotPath } from './control-protocol'
import { Accounts, type UserCommand } from './user-admin'

const Done = Type.Object({ ok: Type.Literal(true), value: Accounts })
const Refused = Type.Object({
  code: Type.Union(errorCodes.map((code) => Type.Literal(code))),
  errors: Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() })),
})

const Snapshotted = Type.Object({
  ok: Type.Literal(true),
  value: Type.Union([
    Type.Object({ heldMilliseconds: Type.Number() }),
    Type.Object({ problem: Type.String() }),
  ]),
})

const otherVersion = 'the running service speaks another version of fastkit'
const probeMilliseconds = 1000
const answerMilliseconds = 20_000

/** The socket of the service that runs on `DATA_DIR`; `null` when none takes commands now. */
export async function runningService({ dataDir }: Config): Promise<string | null> {
  const unix = findSocket(resolve(dataDir), controlSocket)
  if (!unix) return null
  try {
    const signal = AbortSignal.timeout(probeMilliseconds)
    const { ok } = await fetch('http://control/', { unix, signal })
    return ok ? unix : null
  } catch {
    return null
  }
}

/** Has the running service perform a command. Throws the service's own refusal. */
export async function ask(unix: string, command: UserCommand): Promise<Accounts> {
  const answer = await exchange(unix, command)
  if (Value.Check(Done, answer)) return answer.value
  if (Value.Check(Refused, answer)) throw refusal(answer)
  throw new Error(otherVersion)
}

/** Has the running service copy its database. Throws its refusal, or Error when it cannot. */
export async function askForSnapshot(unix: string): Promise<void> {
  const answer = await fetch(`http://control${snapshotPath}`, { unix, method: 'POST' }).catch(unanswered)
  const value: unknown = await answer.json().catch(unanswered)
  if (Value.Check(Refused, value)) throw refusal(value)
  if (!Value.Check(Snapshotted, value)) throw new Error(otherVersion)
  if ('problem' in value.value)
    throw new Error(`the service could not copy its database: ${value.value.problem}`)
}

function unanswered(cause: unknown): never {
  throw new Error('the service ended before it had copied its database', { cause })
}

async function exchange(unix: string, command: UserCommand): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(answerMilliseconds)
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('http://control/', {
      unix,
      signal,
      headers,
      method: 'POST',
      body: JSON.stringify(command),
    })
    return await answer.json()
  } catch (cause) {
    throw new Error('the service gave no answer; `fastkit user list` shows whether it was done', { cause })
  }
}

const refusal = ({ code, errors }: Static<typeof Refused>) => fail(code, { errors })
