import which from 'which';

/** Whether this machine has a program that a test can do without. */
export const isInstalled = (program: string): boolean => which.sync(program, { nothrow: true }) !== null;
