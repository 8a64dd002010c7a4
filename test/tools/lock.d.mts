export interface Lock extends AsyncDisposable {
  release: () => Promise<void>
}

/** Waits until the lock is free and takes it. `onWait` is called once when somebody else holds it. */
export declare const lock: (path: string, onWait: () => void) => Promise<Lock>
