import { stringify } from 'yaml'

/** YAML as it stands in the repository, and as `crd` prints it. */
export function toYaml(value: unknown): string {
  // The parsers of kubectl and Helm take `on`, `y` and the like for booleans, as YAML 1.1 does: such strings are quoted.
  return stringify(value, { version: '1.1', lineWidth: 120, aliasDuplicateObjects: false })
}
