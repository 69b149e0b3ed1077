import { randomBytes } from 'node:crypto';

/** A new opaque id: 64 random bits in hexadecimal; a primary key catches the collision nobody will ever see. */
export const newId = (): string => randomBytes(8).toString('hex');
