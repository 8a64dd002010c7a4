// The files that tell KWOK how Nodes and Pods go through their lives.

/**
 * In the folder `kustomize/stage` of KWOK's source: the stages that let Pods run as fast as possible, and those that
 * make them fail on demand.
 */
export const stageFiles = [
  'node/fast/node-initialize.yaml',
  'pod/fast/pod-ready.yaml',
  'pod/fast/pod-complete.yaml',
  'pod/fast/pod-delete.yaml',
  'pod/chaos/pod-container-running-failed.yaml',
  'pod/chaos/pod-init-container-running-failed.yaml',
]

/** What a stage file is called in the folder `kwok-stages`, which has no folders in it. */
export const stageName = (file: string): string => file.replaceAll('/', '-')
