import { openRpcDocument } from '../../contract/open-rpc.ts';
import type { Handler } from './handler.ts';

export const discover: Handler<'rpc.discover'> = () => openRpcDocument();
