/** What runs may use, which limit made wtd itself stop or pause one, and the grace of a stop. */
export const limits = `
ALTER TABLE plans ADD COLUMN limits TEXT CHECK (limits IS NULL OR json_valid(limits));
ALTER TABLE runs ADD COLUMN limits TEXT CHECK (limits IS NULL OR json_valid(limits));
ALTER TABLE runs ADD COLUMN breach TEXT CHECK (breach IN ('memory', 'cpu', 'disk', 'runtime', 'silence'));
ALTER TABLE runs ADD COLUMN resumed_at INTEGER;
ALTER TABLE runs ADD COLUMN stop_grace_ms INTEGER;
`;
