/** What was reported of a plan's tasks, how far it came, what is being done with its branch, and how it ended. */
export const plansComeHome = `
ALTER TABLE plans ADD COLUMN reported TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(reported));
ALTER TABLE plans ADD COLUMN progress TEXT CHECK (progress IS NULL OR json_valid(progress));
ALTER TABLE plans ADD COLUMN intent TEXT CHECK (intent IS NULL OR json_valid(intent));
ALTER TABLE plans ADD COLUMN outcome TEXT CHECK (outcome IS NULL OR json_valid(outcome));
`;
