/** What `wtd service status` and `install` print: the service of this user, as its manager and the daemon tell it. */
export interface ServiceStatus {
  manager: 'systemd' | 'launchd';
  /** Whether all of its files are there. */
  installed: boolean;
  /** Whether it comes with the user's session; null when the manager cannot be asked. */
  enabled: boolean | null;
  /** The manager's own word, such as active, inactive or failed; null when it cannot be asked. */
  state: string | null;
  /** Of the service's daemon; null when it does not run. */
  pid: number | null;
  /** The home that the installed service serves. */
  home: string | null;
  files: string[];
  /** Who answers on the socket of this client; null when nobody does. */
  daemon: { pid: number; isService: boolean } | null;
  /** Whether the user's manager outlives the last session; null when that cannot be known. */
  lingers: boolean | null;
  /** What to do next. */
  advice: string[];
}

/** What `wtd service uninstall` prints. */
export interface ServiceRemoval {
  /** Files that were there and are gone. */
  removed: string[];
}

export interface Service {
  /** Puts the service in place, or anew, and lets it take over from a daemon that serves this home. */
  install(): Promise<ServiceStatus>;
  /** Ends the service's daemon and takes its files away. Runs live on. */
  uninstall(): Promise<ServiceRemoval>;
  /** Asks only; starts nothing. */
  status(): Promise<ServiceStatus>;
}
