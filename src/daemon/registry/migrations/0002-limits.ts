/** What runs may use, and which limit made wtd itself stop or pause one. */
export const limits = `
ALTER TABLE plans ADD COLUMN limits TEXT CHECK (limits IS NULL OR json_valid(limits));
ALTER TABLE runs ADD COLUMN limits TEXT CHECK (limits IS NULL OR json_valid(limits));
ALTER TABLE runs ADD COLUMN breach TEXT CHECK (breach IN ('memory', 'cpu', 'disk', 'runtime', 'silence'));
ALTER TABLE runs ADD COLUMN resumed_at INTEGER;
`;
