/** Which service manager started this daemon. Pure. */
export function startedBy(environment: Readonly<Record<string, string | undefined>>): 'systemd' | 'launchd' | 'none' {
  if (environment['NOTIFY_SOCKET']) return 'systemd';
  // launchd tells its agents their label; what a terminal starts inherits `0` or the label of an application.
  const label = environment['XPC_SERVICE_NAME'];
  return label?.includes('wtd') === true ? 'launchd' : 'none';
}
