import type { Service, ServiceRemoval, ServiceStatus } from '../contract/service.ts';
import type { Handler } from './command.ts';
import { describeThing } from './present.ts';
import { printJson, withProgress, type Session } from './session.ts';

/** `wtd service`: what the daemon itself cannot do, for it asks the service manager to start or to end it. */
function serviceCommand<T>(ask: (service: Service) => Promise<T>, textOf: (answer: T) => string): Handler {
  return async ({ command }, session: Session) => {
    const work = session.service().then(ask);
    const answer = await withProgress(session.terminal, `wtd ${command.name}`, work);
    await (session.json ? printJson(session.terminal, answer) : session.terminal.print(textOf(answer)));
    return 0;
  };
}

const advise = ({ advice }: ServiceStatus): string => advice.map((line) => `${line}\n`).join('');

function describeStatus({ advice, files, daemon, ...status }: ServiceStatus): string {
  const answers = daemon && `process ${daemon.pid}, ${daemon.isService ? 'of the service' : 'not of the service'}`;
  const text = describeThing({ ...status, files: files.join(', ') || null, daemon: answers });
  return advice.length === 0 ? text : `${text}\n${advise({ ...status, files, daemon, advice })}`;
}

const describeInstallation = (status: ServiceStatus): string =>
  `the service is in place and serves ${status.home ?? ''} (process ${status.pid ?? 'unknown'})\n${advise(status)}`;

const describeRemoval = ({ removed }: ServiceRemoval): string =>
  removed.length === 0
    ? 'there is no service\n'
    : `the service is gone; runs live on, and the next command starts a daemon without it\n`;

export const installService = serviceCommand((service) => service.install(), describeInstallation);
export const uninstallService = serviceCommand((service) => service.uninstall(), describeRemoval);
export const showService = serviceCommand((service) => service.status(), describeStatus);
