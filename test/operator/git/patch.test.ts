// What Git does to a workload that is injected by patch.
import { testOnSharedCluster } from './check.ts'

testOnSharedCluster('Patch')
