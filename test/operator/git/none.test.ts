// What Git does to a workload that reads the target Secret itself.
import { testOnSharedCluster } from './check.ts'

testOnSharedCluster('none')
