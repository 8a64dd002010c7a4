/** Kills the operator again and again while rotations go on, and judges what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startFaultProxy, type Fault, type FaultProxy, type ProxiedCall } from '../faults/proxy.ts'
import { createNamespace } from '../operator/support/fixtures.ts'
import { waitFor } from '../operator/support/kube.ts'
import { release, type OperatorProcess } from '../operator/support/operator-process.ts'
import type { OwnCluster } from '../operator/support/own-cluster.ts'
import { judge, lostIn, type Verdict } from './judge.ts'
import { Chance } from './random.ts'
import { acceptedWrites, Recorder } from './recorder.ts'
import { planKills, type Kill, type Moment } from './steps.ts'
import { World, type Deeds } from './world.ts'

export interface KillsOptions {
  readonly cluster: OwnCluster
  readonly kills: number
  readonly seed: number
  /** Shows progress. */
  readonly log?: (line: string) => void
}

export interface KillsReport {
  readonly seed: number
  readonly seconds: number
  /** Kills by what they interrupted: `Starting`, `Working`, or a step and its moment. */
  readonly kills: Readonly<Record<string, number>>
  /** Steps that did not come although they were waited for: these processes were killed all the same. */
  readonly missed: number
  readonly deeds: Deeds
  readonly accepted: { readonly targets: number; readonly workloads: number; readonly statuses: number }
  /** Writes that arrived when another process had been at work. */
  readonly late: { readonly refused: number; readonly landed: number }
  readonly verdict: Verdict
}

/** So many kills, then the operator is left alone until all has come to rest, and what is lost is counted. */
const killsARest = 10

/** How long a step may take to come. A start alone takes seconds on a busy machine. */
const longestStepMs = 30_000

/** How long nothing may be missing any more before the rest counts as one. */
const quietMs = 1500

interface Trap {
  readonly kill: Kill & { kind: 'Step' }
  readonly sprung: Promise<undefined>
  readonly spring: () => void
  isSprung: boolean
}

interface Held {
  readonly call: ProxiedCall
  readonly release: () => void
  readonly done: Promise<undefined>
}

export async function runKills(options: KillsOptions): Promise<KillsReport> {
  await using parts = new AsyncDisposableStack()
  const { cluster, seed } = options
  const proxy = parts.use(await startFaultProxy({ kubeconfig: cluster.kubeconfig }))
  const namespace = await createNamespace(cluster.kube, 'kills')
  const recorder = parts.use(await Recorder.start(cluster.kube, namespace))
  const chance = new Chance(seed)
  const world = new World(cluster.kube, namespace, chance)
  await world.create()
  return await new Run(options, proxy, await proxy.kubeconfig(), recorder, world, chance).run()
}

class Run {
  readonly #options: KillsOptions
  readonly #kubeconfig: string
  readonly #recorder: Recorder
  readonly #world: World
  readonly #chance: Chance
  readonly #kills: Record<string, number> = {}
  readonly #lost: string[] = []
  readonly #held: Held[] = []
  readonly #late = { refused: 0, landed: 0 }
  #lateNumbers = new Set<number>()
  #missed = 0
  #operator: OperatorProcess | undefined
  #trap: Trap | undefined
  /** How long a start takes, as far as is known, in milliseconds. */
  #startMs = 1000

  constructor(
    options: KillsOptions,
    proxy: FaultProxy,
    kubeconfig: string,
    recorder: Recorder,
    world: World,
    chance: Chance,
  ) {
    this.#options = options
    this.#kubeconfig = kubeconfig
    this.#recorder = recorder
    this.#world = world
    this.#chance = chance
    proxy.before = (call) => this.#before(call)
    proxy.after = (call, status) => this.#after(call, status)
  }

  async run(): Promise<KillsReport> {
    const { kills, seed, cluster, log } = this.#options
    const began = performance.now()
    await this.#rest()
    const plan = planKills(kills, this.#chance)
    for (const [index, kill] of plan.entries()) {
      await this.#round(kill)
      if ((index + 1) % killsARest !== 0 && index + 1 < plan.length) continue
      await this.#rest()
      log?.(`${String(index + 1)} kills, ${String(this.#lost.length)} lost`)
    }
    await this.#world.end()
    await this.#rest()
    await this.#recorder.catchUp()
    const accepted = await acceptedWrites(cluster.audit, this.#world.namespace)
    const verdict = judge(
      {
        targets: this.#recorder.targets(this.#world.foreignVersions),
        templates: this.#recorder.templates,
        accepted,
        valid: this.#world.valid,
      },
      await this.#world.state(),
    )
    const sum = (counts: Readonly<Record<string, number>>): number =>
      Object.values(counts).reduce((total, count) => total + count, 0)
    return {
      seed,
      seconds: Math.round((performance.now() - began) / 1000),
      kills: this.#kills,
      missed: this.#missed,
      deeds: this.#world.deeds,
      accepted: {
        targets: sum(accepted.targets),
        workloads: sum(accepted.workloads),
        statuses: accepted.statuses,
      },
      late: this.#late,
      verdict: { ...verdict, lost: [...new Set([...this.#lost, ...verdict.lost])] },
    }
  }

  async #start(leads = false): Promise<OperatorProcess> {
    const args = leads ? [] : ['--leader-elect=false']
    this.#operator = await this.#options.cluster.start(args, this.#kubeconfig)
    return this.#operator
  }

  /** One process, from its start to its end. */
  async #round(kill: Kill): Promise<void> {
    if (kill.kind === 'Step') {
      await this.#killAtStep(kill)
      return
    }
    if (this.#chance.once(0.5) || kill.kind === 'Starting') await this.#world.doAnything()
    const began = performance.now()
    const operator = await this.#start()
    if (kill.kind === 'Starting') {
      await sleep(kill.part * this.#startMs)
    } else {
      await operator.waitForLog('working')
      this.#startMs = performance.now() - began
      await this.#world.doAnything()
      if (this.#chance.once(0.5)) await this.#world.rotateOne()
      await sleep(kill.delayMs)
    }
    await this.#end(kill.kind)
  }

  async #killAtStep(kill: Kill & { kind: 'Step' }): Promise<void> {
    const { step, moment } = kill
    const { name, namespace } = { name: 'tracardi-operator', namespace: release.namespace }
    // The one before may have been killed as the leader: what it left is taken away, so that nobody waits for its end.
    if (step.leads) await this.#options.cluster.kube.remove('leases', namespace, name)
    const early = step.atStart || this.#chance.once(0.4)
    if (this.#chance.once(0.5)) await this.#world.doAnything()
    if (early) {
      await this.#provoke(kill)
      this.#set(kill)
    }
    const operator = await this.#start(step.leads)
    if (!early) {
      await operator.waitForLog('working')
      this.#set(kill)
      await this.#provoke(kill)
    }
    const trap = this.#trap
    const timeout = new AbortController()
    await Promise.race([
      trap?.sprung,
      sleep(longestStepMs, undefined, { signal: timeout.signal }).catch(() => undefined),
    ])
    timeout.abort()
    this.#trap = undefined
    if (trap?.isSprung === true) {
      await operator.exited
      this.#count(`${step.name} ${moment}`)
    } else {
      this.#missed += 1
      await this.#end('Working')
    }
  }

  /** Does what makes the operator come to this step. */
  async #provoke({ step }: Kill & { kind: 'Step' }): Promise<void> {
    if (step.name === 'target create') await this.#world.loseTarget()
    else await this.#world.rotateOne()
  }

  #set(kill: Kill & { kind: 'Step' }): void {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#trap = {
      kill,
      sprung: promise,
      spring: () => {
        resolve(undefined)
      },
      isSprung: false,
    }
  }

  /** Whether the process has to be killed at this call; it is dead then. */
  async #isTrapped(call: ProxiedCall, moments: readonly Moment[]): Promise<Moment | undefined> {
    const trap = this.#trap
    if (trap === undefined || trap.isSprung) return undefined
    const { step, moment } = trap.kill
    if (!moments.includes(moment) || !step.matches(call)) return undefined
    trap.isSprung = true
    await this.#operator?.stop('SIGKILL')
    return moment
  }

  async #before(call: ProxiedCall): Promise<Fault> {
    const trap = this.#trap
    const moment = await this.#isTrapped(call, ['Before', 'Late'])
    if (moment === undefined) return { kind: 'Forward' }
    if (moment === 'Before') {
      trap?.spring()
      return { kind: 'Reset', when: 'BeforeForwarding' }
    }
    const { promise: released, resolve } = Promise.withResolvers<undefined>()
    const { promise: done, resolve: finish } = Promise.withResolvers<undefined>()
    this.#lateNumbers.add(call.number)
    this.#onLate.set(call.number, () => {
      finish(undefined)
    })
    this.#held.push({
      call,
      release: () => {
        resolve(undefined)
      },
      done,
    })
    trap?.spring()
    await released
    return { kind: 'Forward' }
  }

  readonly #onLate = new Map<number, () => void>()

  async #after(call: ProxiedCall, status: number): Promise<void> {
    if (this.#lateNumbers.delete(call.number)) {
      if (status < 300) this.#late.landed += 1
      else this.#late.refused += 1
      this.#onLate.get(call.number)?.()
      return
    }
    // Another process has written the object: now the late write comes.
    for (const held of this.#held) if (status < 300 && nameOf(held.call) === nameOf(call)) held.release()
    const trap = this.#trap
    if ((await this.#isTrapped(call, ['After'])) !== undefined) trap?.spring()
  }

  async #end(what: string): Promise<void> {
    const operator = this.#operator
    if (operator === undefined) return
    const { signal, code } = await operator.stop('SIGKILL')
    if (signal !== 'SIGKILL') throw new Error(`the operator ended by itself with ${String(code)}`)
    this.#count(what)
  }

  #count(what: string): void {
    this.#kills[what] = (this.#kills[what] ?? 0) + 1
  }

  /** Lets one process work until nothing is missing, and the writes that are late come in; what is missing then is lost. */
  async #rest(): Promise<void> {
    await this.#world.mend()
    const operator = await this.#start()
    await this.#settle()
    for (const held of this.#held) held.release()
    await Promise.all(this.#held.splice(0).map(({ done }) => done))
    await sleep(quietMs)
    await this.#settle()
    const { signal, code } = await operator.stop()
    if (signal !== null || code !== 0) throw new Error(`the operator ended with ${String(signal ?? code)}`)
  }

  async #settle(): Promise<void> {
    const missing = async (): Promise<string[]> => {
      const state = await this.#world.state()
      return [...lostIn(state), ...state.strays]
    }
    const atLast = await waitFor('nothing that is missing', missing, (list) => list.length === 0, {
      timeoutMs: 90_000,
    }).catch(missing)
    this.#lost.push(...atLast)
  }
}

/** What a call writes. A POST has the name in its body. */
function nameOf({ verb, resource, name, body }: ProxiedCall): string | undefined {
  if (verb !== 'create' && verb !== 'patch') return undefined
  const { metadata } = (body ?? {}) as { metadata?: { name?: string } }
  return `${resource}/${name ?? metadata?.name ?? ''}`
}
