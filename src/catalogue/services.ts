/** The catalogue: every file in services/, and what is derived from all of them. */
import type { ServiceDefinition } from './definition.ts'
import { allServices } from './services.generated.ts'

/** Every service by its id, in the order of the ids. */
export const services: ReadonlyMap<string, ServiceDefinition> = new Map(
  allServices.map((service) => [service.id, service]),
)

/** The ids of all services, sorted: the enum of `spec.service`. */
export const serviceIds: readonly string[] = [...services.keys()].sort()
