import type { Handler } from './handler.ts';

export const show: Handler<'config.show'> = ({ configuration }) => ({
  effective: configuration.current,
  sources: configuration.sources,
});
