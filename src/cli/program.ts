/** The commands: what they are called, what they take, what they print. `run` is the way in. */
import { Command, CommanderError, Option } from 'commander'
import { buildCrd } from '../api/crd.ts'
import type { ServiceDefinition } from '../catalogue/definition.ts'
import { services } from '../catalogue/services.ts'
import { findingCodes } from '../credentials/findings.ts'
import { nearestName, printableName } from '../credentials/names.ts'
import { KubeError, OperatorError } from '../kube/errors.ts'
import { usage } from '../settings.ts'
import type { ClusterFlags } from './cluster/connect.ts'
import { addCompletions } from './completions.ts'
import { explainService, manifestOf, renderService, variantsOf } from './explain-service.ts'
import type { Io } from './io.ts'
import { UsageError } from './io.ts'
import { manifestCodes } from './manifest-codes.ts'
import { renderPlan, renderWhy } from './output/cluster.ts'
import { renderGithub } from './output/github.ts'
import { columnsOf, paint, renderHuman, wrap } from './output/human.ts'
import { renderJson } from './output/json.ts'
import { renderSarif } from './output/sarif.ts'
import type { Page } from './pages.ts'
import { pageOf } from './pages.ts'
import { readInputs } from './read-files.ts'
import type { Report } from './report.ts'
import { exitCodeOf } from './report.ts'
import { validate } from './validate.ts'
import { toYaml } from './yaml-text.ts'

export const programName = 'tracardi-operator'

/**
 * Runs one command.
 * @param args without the program
 * @returns the exit code: 0 well, 1 findings, 2 it could not run
 */
export async function run(args: readonly string[], io: Io, version: string): Promise<number> {
  const ending = { code: 0 }
  const program = buildProgram(io, version, ending)
  try {
    await program.parseAsync(withoutHelpOnNothing(args, program), { from: 'user' })
    return ending.code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof UsageError) {
      io.err(`error: ${error.message}\n`)
      return 2
    }
    // Of these alone the message is known to hold nothing that is not ours.
    if (error instanceof OperatorError) {
      io.err(`error: ${clusterProblem(error)}\n`)
      return 2
    }
    throw error
  }
}

/** The library answers `help NAME` with all of the help when there is no such command; to the name alone it says so. */
function withoutHelpOnNothing(args: readonly string[], { commands }: Command): readonly string[] {
  const [first, topic] = args
  const isKnown = topic === undefined || commands.some((command) => command.name() === topic)
  return first !== 'help' || isKnown ? args : [topic]
}

const outputs = ['human', 'json', 'sarif', 'github'] as const

interface ValidateFlags {
  readonly output: (typeof outputs)[number]
  readonly namespace?: string
  readonly strict?: true
  readonly requireSecrets?: true
  readonly verbose?: true
}

function buildProgram(io: Io, version: string, ending: { code: number }): Command {
  const title = (text: string): string => paint('bold', text, io.colours)
  const program = new Command(programName)
    .description(
      'Checks credentials and delivers them to workloads. Without a command it is the operator itself, which takes the flags below.',
    )
    .version(`${programName} ${version}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .showHelpAfterError(`See: ${programName} --help`)
    .configureHelp({ styleTitle: title, ...(io.columns === undefined ? {} : { helpWidth: io.columns }) })
    .configureOutput({
      writeOut: (text) => {
        io.out(text)
      },
      writeErr: (text) => {
        io.err(text)
      },
      getOutHasColors: () => io.colours,
      getErrHasColors: () => false,
    })
    .addHelpText('after', `\n${operatorHelp()}`)
    .exitOverride()

  program
    .command('validate')
    .summary('check TracardiResources and Secrets in manifests, without a cluster')
    .description(
      'Checks TracardiResources and the Secrets they name in manifests, without a cluster: the schema and the rules of the CRD, and the form of the credentials. It never prints a value.',
    )
    .argument('<path...>', 'files, folders, or - for the standard input: YAML or JSON')
    .addOption(new Option('-o, --output <format>', 'how to say it').choices(outputs).default('human'))
    .option('-n, --namespace <name>', 'the namespace of objects that name none')
    .option('--strict', 'exit with 1 for warnings too')
    .option('--require-secrets', 'a Secret that is not among the manifests is an error')
    .option('-v, --verbose', 'list what is right as well (human)')
    .addHelpText(
      'after',
      `
Exit code: 0 nothing wrong, 1 something is wrong, 2 something could not be read.

Examples:
  ${programName} validate manifests/
  kubectl kustomize overlays/production | ${programName} validate -
  helm template my-chart | ${programName} validate --output github -`,
    )
    .action(async (paths: readonly string[], flags: ValidateFlags) => {
      ending.code = await runValidate(paths, flags, io, version)
    })

  withClusterFlags(program.command('plan'))
    .summary('tell what a TracardiResource would do that is not applied yet')
    .description(
      'Tells what the TracardiResources in manifests would do in the cluster of the kubeconfig: whether the credentials would be accepted, and which workloads would be restarted, with the reasons. It changes nothing, reads with your own rights, and never prints a value.',
    )
    .requiredOption('-f, --filename <path...>', 'files, folders, or - for the standard input: YAML or JSON')
    .addHelpText(
      'after',
      `
Secrets that are among the manifests count as applied; the others are read from the cluster.

Exit code: 0 all would come into force, 1 something would be refused, 2 something could not be read.

Examples:
  ${programName} plan -f twilio.yaml
  kubectl kustomize overlays/production | ${programName} plan -n marketing -f -`,
    )
    .action(async (flags: ClusterCommandFlags & { readonly filename: readonly string[] }) => {
      const { makePlans, planExitCode } = await import('./cluster/plan-command.ts')
      const report = await makePlans(flags.filename, flags, io, version)
      const code = planExitCode(report)
      io.out(flags.output === 'json' ? toJson({ formatVersion: 1, exitCode: code, ...report }) : renderPlan(report, io))
      ending.code = code
    })

  withClusterFlags(program.command('why'))
    .summary('tell what is in force, who has it, who has not and why')
    .description(
      'Tells of a TracardiResource in the cluster of the kubeconfig what is in force since when, which workloads have it, which have not and why, and what happens next. It reads no Secret.',
    )
    .argument('<name>', 'of the TracardiResource')
    .addHelpText(
      'after',
      `
Exit code: 0 it is ready, 1 it is not, 2 it could not be read.

Example:
  ${programName} why twilio-sms -n marketing`,
    )
    .action(async (name: string, flags: ClusterCommandFlags) => {
      const { readWhy, whyExitCode } = await import('./cluster/why-command.ts')
      const why = await readWhy(name, flags, version)
      const code = whyExitCode(why)
      io.out(flags.output === 'json' ? toJson({ formatVersion: 1, exitCode: code, ...why }) : renderWhy(why, io))
      ending.code = code
    })

  program
    .command('explain')
    .summary('explain a service, or the code of a finding')
    .description(
      'Explains a service: its fields, the names under which they are found, and a manifest to copy. Or the code of a finding: what it means, and how to mend it.',
    )
    .argument('<service|code>', 'such as twilio, or TrailingNewline')
    .addOption(new Option('-o, --output <format>', 'how to say it').choices(['human', 'json']).default('human'))
    .option('--manifest', 'print nothing but the manifest to copy')
    .option('--variant <set>', 'the set of fields that the manifest has (default: the first one)')
    .action((topic: string, flags: ExplainFlags) => {
      io.out(explain(topic, flags, io))
    })

  program
    .command('services')
    .summary('list the services')
    .description('Lists the services that spec.service can name, with the sets of fields each can have.')
    .addOption(new Option('-o, --output <format>', 'how to say it').choices(['human', 'json']).default('human'))
    .action(({ output }: { output: string }) => {
      io.out(output === 'json' ? toJson(listedServices().map(explainService)) : serviceTable(io))
    })

  program
    .command('crd')
    .summary('print the CustomResourceDefinition')
    .description('Prints the CustomResourceDefinition of this version as YAML.')
    .addHelpText('after', `\nExample:\n  ${programName} crd | kubectl apply -f -`)
    .action(() => {
      io.out(toYaml(buildCrd()))
    })

  program
    .command('version')
    .summary('print the version')
    .description('Prints the version, as --version does.')
    .action(() => {
      io.out(`${programName} ${version}\n`)
    })

  addCompletions(program)
  for (const command of program.commands) command.showHelpAfterError(`See: ${programName} ${command.name()} --help`)
  return program
}

interface ClusterCommandFlags extends ClusterFlags {
  readonly output: string
}

function withClusterFlags(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'how to say it').choices(['human', 'json']).default('human'))
    .option('-n, --namespace <name>', 'the namespace (default: that of the context)')
    .option('--context <name>', 'the context of the kubeconfig to use')
    .option('--kubeconfig <file>', 'the kubeconfig to use (default: as kubectl finds it)')
}

/** What keeps a command from its work, and the way out where it is known. */
function clusterProblem(error: OperatorError): string {
  if (!(error instanceof KubeError)) return `${error.message}.`
  if (error.reason === 'NoSuchPath')
    return `the cluster knows no ${error.resource}. For TracardiResources: ${programName} crd | kubectl apply -f -`
  if (error.status === 0) return `the API server does not answer as it should (${error.message}).`
  return `the API server refuses the call: ${error.message}.`
}

/** Flags and their variables, from the one list of settings. */
function operatorHelp(): string {
  const text = usage()
  return `Flags of the operator:\n\n${text.slice(text.indexOf('  --'), text.indexOf('  --version')).trimEnd()}`
}

function listedServices(): readonly ServiceDefinition[] {
  return [...services.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

async function runValidate(paths: readonly string[], flags: ValidateFlags, io: Io, version: string): Promise<number> {
  const { files, failures, skipped } = await readInputs(paths, () => io.readInput())
  const { namespace, output } = flags
  const report = validate(files, failures, {
    namespace,
    requireSecrets: flags.requireSecrets === true,
    now: io.now(),
  })
  for (const sentence of skipped) io.err(`${sentence}\n`)
  io.out(render(report, output, flags, io, version))
  return exitCodeOf(report, flags.strict === true)
}

function render(
  report: Report,
  output: ValidateFlags['output'],
  flags: ValidateFlags,
  io: Io,
  version: string,
): string {
  switch (output) {
    case 'human':
      return renderHuman(report, { colours: io.colours, columns: io.columns, verbose: flags.verbose === true })
    case 'json':
      return renderJson(report, flags.strict === true)
    case 'sarif':
      return renderSarif(report, version, io.workingDirectory)
    case 'github':
      return renderGithub(report, io.workingDirectory)
  }
}

interface ExplainFlags {
  readonly output: string
  readonly manifest?: true
  readonly variant?: string
}

function explain(topic: string, { output, manifest, variant }: ExplainFlags, io: Io): string {
  const service = services.get(topic)
  if (service !== undefined) {
    if (manifest || variant !== undefined) return manifestOf(service, findVariant(service, variant))
    return output === 'json' ? toJson(explainService(service)) : renderService(service, io.colours)
  }
  const page = pageOf(topic)
  if (page !== undefined) {
    if (manifest || variant !== undefined)
      throw new UsageError('--manifest and --variant belong to a service, and this is a code.')
    return output === 'json' ? toJson(page) : renderPage(page, io)
  }
  const known = [...services.keys(), ...manifestCodes, ...findingCodes]
  const meant = nearestName([topic], known)
  throw new UsageError(
    `there is no service and no code of the name "${printableName(topic)}".${meant === undefined ? '' : `\n(Did you mean ${meant}?)`}\n${programName} services lists the services.`,
  )
}

function findVariant(
  service: ServiceDefinition,
  id: string | undefined,
): ServiceDefinition['variants'][number] | undefined {
  const variants = variantsOf(service)
  if (id === undefined) return variants[0]
  const found = variants.find((variant) => variant.id === id)
  if (found !== undefined) return found
  const ids = variants.map((variant) => variant.id)
  const meant = nearestName([id], ids)
  throw new UsageError(
    `${service.id} has no set "${printableName(id)}".${meant === undefined ? '' : `\n(Did you mean ${meant}?)`}\nIts sets: ${ids.join(', ')}.`,
  )
}

function renderPage(page: Page, { colours, columns = Infinity }: Io): string {
  const { code, severity, waivable, meaning, causes, mend, commands, message } = page
  const heading = (text: string): string => paint('bold', text, colours)
  const parts = [
    `${heading(code)} (${severity}${waivable ? ', can be waived by spec.credentials.waive' : ''})`,
    wrap(meaning, columns, ''),
    ...(causes === undefined ? [] : [`${heading('How it comes about')}\n${wrap(causes, columns, '')}`]),
    `${heading('How to mend it')}\n${wrap(mend, columns, '')}`,
    ...(commands.length === 0 ? [] : [commands.map((command) => `  ${command}`).join('\n')]),
    ...(message === undefined ? [] : [`${heading('What it says, for example')}\n${wrap(message, columns, '')}`]),
  ]
  return `${parts.join('\n\n')}\n`
}

function serviceTable({ colours }: Io): string {
  const head = ['SERVICE', 'WHAT', 'SETS OF FIELDS'].map((text) => paint('bold', text, colours))
  const rows = listedServices().map((service) => {
    const sets = explainService(service).variants.map(({ required }) => required.join('+'))
    return [service.id, service.title, [...new Set(sets)].join(', ') || '(no credential)']
  })
  return `${columnsOf([head, ...rows])}\n`
}
