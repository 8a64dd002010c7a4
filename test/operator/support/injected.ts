/** What a container reads, in whatever form it came there: by the API server's policies, or by patches of the template. */
import { injectedVolume } from '../../../src/api/names.ts'
import type { Pod, PodTemplate } from './kube.ts'

type PodSpec = NonNullable<PodTemplate['spec']> | Pod['spec']

/** The Secrets from which a container has variables and, mounted by a resource, files; each once. */
export interface Reads {
  readonly variables: readonly string[]
  readonly files: readonly string[]
}

/** Of every container of a pod or of a template, by name. */
export function readsOf({ containers = [], volumes = [] }: PodSpec, resourceName: string): Record<string, Reads> {
  const volume = injectedVolume(resourceName)
  // The types of a pod and of a template differ in what else a volume may be.
  const sources = volumes as readonly { name: string; secret?: { secretName?: string } }[]
  const secret = sources.find(({ name }) => name === volume)?.secret?.secretName
  return Object.fromEntries(
    containers.map(({ name, env = [], envFrom = [], volumeMounts = [] }) => {
      const variables = [
        ...env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
        ...envFrom.flatMap(({ secretRef }) => secretRef?.name ?? []),
      ]
      const isMounted = secret !== undefined && volumeMounts.some((mount) => mount.name === volume)
      return [name, { variables: [...new Set(variables)], files: isMounted ? [secret] : [] }]
    }),
  )
}

/** As readsOf: all that is injected by variables and by a mount is of this Secret. */
export function readsOnly(secret: string): Reads {
  return { variables: [secret], files: [secret] }
}
