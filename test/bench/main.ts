// npm run bench: how fast and how small the operator is, beside a client that does the minimum, in the same run.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join, resolve as resolvePath } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { startCluster } from '../cluster/cluster.ts'
import { Api } from './api.ts'
import { AuditLog } from './audit-log.ts'
import { note, until, type Bench } from './bench.ts'
import { fairness } from './fairness.ts'
import { fanOut } from './fanout.ts'
import { injection } from './injection.ts'
import { leak } from './leak.ts'
import { memory } from './memory.ts'
import { namespaces } from './namespaces.ts'
import { machineLine } from './report.ts'
import { rotations } from './rotations.ts'
import { paths } from './shapes.ts'
import { size } from './size.ts'
import { start } from './start.ts'
import { validate } from './validate.ts'

const usage = `Usage: npm run bench -- [--only SECTION,SECTION] [--json FILE] [--rest-seconds N] [--quick]
                        [--directory DIRECTORY]

Starts a control plane and measures the operator, beside a bare client where there is something to compare: one after
the other, on the same objects. Prints tables to stdout and progress to stderr. A missed aim is printed; the exit code
is 0 once all was measured.

Sections:
  rotations              how fast a new credential reaches a Deployment, and what it costs
  fanout                 one rotation that reaches 500 Deployments
  injection              what the policies of the chart add to the creation of a pod
  start                  from the start of the process to /livez and /readyz
  size                   what each of 100, 1,000 and 5,000 resources costs
  namespaces             30 namespaces with a Role each: connections, time, and that a change in each arrives
  fairness               one rotation beside 5,000 of another namespace
  leak                   whether memory in use rises with the rotations done
  validate               the command, on 1,000 files
  memory                 with 10,000 Secrets in the cluster that no resource names

  --only SECTIONS        these sections only
  --json FILE            also write every measured value
  --rest-seconds N       how long \`rotations\` counts the calls at rest (60, with --quick 5)
  --quick                fewer objects and repetitions: for a first look
  --directory DIRECTORY  where to leave the audit log and the logs of all programs
  --help                 this text`

/** In the order in which they run: what is most sensitive first, what leaves most behind last. */
const sections = { rotations, fanout: fanOut, injection, start, namespaces, leak, fairness, size, validate, memory }
const sectionNames = Object.keys(sections) as (keyof typeof sections)[]

class UsageError extends Error {}

const readOptions = () => {
  let values
  try {
    values = parseArgs({
      options: {
        only: { type: 'string' },
        json: { type: 'string' },
        'rest-seconds': { type: 'string' },
        quick: { type: 'boolean', default: false },
        directory: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const { 'rest-seconds': rest, only: list, quick, json, directory, help } = values
  if (rest !== undefined && !/^\d{1,5}$/.test(rest)) throw new UsageError('--rest-seconds takes a number')
  const only = list?.split(',') ?? sectionNames
  if (!only.every((name) => sectionNames.some((known) => known === name)))
    throw new UsageError(`--only takes some of ${sectionNames.join(', ')}`)
  return {
    only,
    quick,
    restSeconds: rest === undefined ? undefined : Number(rest),
    json,
    directory: directory === undefined ? undefined : resolvePath(directory),
    help,
  }
}

type Options = ReturnType<typeof readOptions>

const createDefinitions = async (api: Api): Promise<void> => {
  const folder = join(import.meta.dirname, '..', '..', 'crds')
  for (const file of await readdir(folder)) {
    const definition: unknown = parse(await readFile(join(folder, file), 'utf8'))
    await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  }
  await until('the TracardiResource API', () =>
    api.call('GET', paths('default').resources).then(
      () => true,
      () => false,
    ),
  )
}

const aborted = (signal: AbortSignal): Promise<Error> =>
  new Promise((resolve) => {
    const settle = (): void => {
      resolve(signal.reason as Error)
    }
    if (signal.aborted) settle()
    else signal.addEventListener('abort', settle, { once: true })
  })

const run = async (options: Options, signal: AbortSignal): Promise<void> => {
  const { only, quick, restSeconds, json, directory } = options
  const [loadBefore = 0] = loadavg()
  if (directory !== undefined) await mkdir(directory, { recursive: true })
  await using cluster = await startCluster({ log: note, signal, ...(directory === undefined ? {} : { directory }) })
  await using api = await Api.connect(cluster.kubeconfigPath, 'bench')
  await createDefinitions(api)
  const { gitVersion } = (await api.call('GET', '/version')) as { gitVersion: string }
  const failed = Promise.race([
    cluster.failed.then((error) => Promise.reject(error)),
    aborted(signal).then((error) => Promise.reject(error)),
  ])
  failed.catch(() => undefined)
  const audit = new AuditLog(cluster.auditLogPath)
  const bench: Bench = { api, audit, cluster, quick, failed, ...(restSeconds === undefined ? {} : { restSeconds }) }
  const machine = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    kubernetes: gitVersion,
    loadBefore,
  }
  console.log(machineLine(machine))
  const report: Record<string, unknown> = { machine, quick }
  for (const name of sectionNames) {
    if (!only.includes(name)) continue
    const section = await sections[name](bench)
    report[name] = section.json
    console.log(`\n${section.table}`)
    // After each: what was measured stays when a later one fails.
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
  }
}

const main = async (): Promise<number> => {
  const options = readOptions()
  if (options.help) {
    console.log(usage)
    return 0
  }
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      stop.abort(new Error(`stopped by ${name}`))
    })
  await run(options, stop.signal)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  if (error instanceof UsageError) console.error(`\n${usage}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
