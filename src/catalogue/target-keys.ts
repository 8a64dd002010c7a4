import type { ServiceDefinition } from './definition.ts'
import { findField } from './definition.ts'

/** `onBehalfOf` → `ON_BEHALF_OF`, `URLPath` → `URL_PATH`, `db2Name` → `DB2_NAME`. */
function screamingSnake(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
}

/**
 * The keys of the target Secret that hold a field when `target.keys` does not name it: every environment variable that
 * the service's clients read, else `<SERVICE>_<FIELD>`. The order is that of the catalogue. In an open service every field
 * keeps its name.
 */
export function defaultTargetKeys(service: ServiceDefinition, fieldName: string): readonly string[] {
  if (service.open === true) return [fieldName]
  const env = findField(service, fieldName)?.env ?? []
  return env.length > 0 ? env : [`${screamingSnake(service.id)}_${screamingSnake(fieldName)}`]
}
