/** What `npm run test:matrix` runs, and on which servers. */
import { kubernetesVersions } from '../cluster/programs.ts'

interface DeliveryTest {
  /** From the root of the project. */
  readonly file: string
  /** What it proves, for a reader who wants to know what works on a server. */
  readonly what: string
  /** Only where the API server injects, by MutatingAdmissionPolicies. */
  readonly needsPolicies?: boolean
}

const below = 'test/operator'

export const deliveryTests: readonly DeliveryTest[] = [
  {
    file: `${below}/injection/auto.test.ts`,
    what: '`injection.mode: Auto`, from the first pods to the end of the resource',
  },
  { file: `${below}/situations.test.ts`, what: 'good credentials are delivered, bad ones held back' },
  { file: `${below}/consumers.test.ts`, what: 'consumers of all kinds, by name and by selector' },
  { file: `${below}/rotation.test.ts`, what: 'what a rotation costs, and that rest costs nothing' },
  { file: `${below}/restart.test.ts`, what: 'a killed operator loses and doubles nothing' },
  { file: `${below}/injection/patch.test.ts`, what: 'injection by patch' },
  { file: `${below}/injection/policy.test.ts`, what: 'injection by policies', needsPolicies: true },
  { file: `${below}/injection/pods.test.ts`, what: 'the policy for pods, case by case', needsPolicies: true },
  {
    file: `${below}/injection/workloads.test.ts`,
    what: 'the policies for workloads and Jobs, case by case',
    needsPolicies: true,
  },
  { file: `${below}/versions.test.ts`, what: 'versions, with injection by policies', needsPolicies: true },
  { file: `${below}/chart.test.ts`, what: 'the chart: installed, upgraded, uninstalled' },
  { file: `${below}/crd.test.ts`, what: 'what the API server refuses by itself' },
  { file: `${below}/admission/authors.test.ts`, what: 'the policies about authors of resources' },
  { file: `${below}/admission/operators.test.ts`, what: 'the policies about the operator itself' },
]

/** Whether a server of this version has MutatingAdmissionPolicies, in v1 and switched on. */
export function hasPolicies(version: string): boolean {
  const [, minor = '0'] = version.split('.')
  return Number(minor) >= 36
}

export function isFor(version: string, { needsPolicies = false }: DeliveryTest): boolean {
  return !needsPolicies || hasPolicies(version)
}

/** The versions of Kubernetes, the newest first. */
export function servers(): string[] {
  return kubernetesVersions().sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}
