import { spellings, type Command } from './command.ts';
import { flagsOf } from './parse.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What can follow the words typed so far: '' is the command itself, `plan` its verbs, `plan start` its flags. */
export function listContinuations(commands: readonly Command[]): Map<string, string[]> {
  const continuations = new Map<string, Set<string>>();
  const add = (before: string, words: Iterable<string>) => {
    const known = continuations.get(before) ?? new Set<string>();
    for (const word of words) known.add(word);
    continuations.set(before, known);
  };
  for (const command of commands) {
    const flags = [...flagsOf(command).keys()].map((flag) => `--${flag}`);
    const choices = command.parameters.find(({ name }) => name === command.positional[0])?.enum ?? [];
    for (const spelling of spellings(command)) {
      const [noun = '', verb] = spelling.split(' ');
      add('', [noun]);
      if (verb !== undefined) add(noun, [verb]);
      add(spelling, [...flags, ...choices]);
    }
  }
  return new Map([...continuations].map(([before, words]) => [before, [...words].sort()]));
}

/** bash and zsh read the same function, which prints what can follow. */
function shellFunction(commands: readonly Command[]): string {
  const cases = [...listContinuations(commands)].map(
    ([before, words]) => `    '${before}') echo '${words.join(' ')}' ;;`,
  );
  return `_wtd_words() {\n  case "$1" in\n${cases.join('\n')}\n    *) return 1 ;;\n  esac\n}\n`;
}

const scripts: Readonly<Record<Shell, (commands: readonly Command[]) => string>> = {
  bash: (commands) => `${shellFunction(commands)}
_wtd() {
  local current="\${COMP_WORDS[COMP_CWORD]}" first="\${COMP_WORDS[1]:-}" second="\${COMP_WORDS[2]:-}" words
  [ "$first" = repo ] && first=repository
  if [ "$COMP_CWORD" -le 1 ]; then
    words="$(_wtd_words '')"
  elif [ "$COMP_CWORD" -eq 2 ]; then
    words="$(_wtd_words "$first")"
  else
    words="$(_wtd_words "$first $second" || _wtd_words "$first")"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _wtd wtd
`,
  zsh: (commands) => `#compdef wtd
${shellFunction(commands)}
_wtd() {
  local first="\${words[2]:-}" second="\${words[3]:-}" list
  [ "$first" = repo ] && first=repository
  if [ "$CURRENT" -le 2 ]; then
    list="$(_wtd_words '')"
  elif [ "$CURRENT" -eq 3 ]; then
    list="$(_wtd_words "$first")"
  else
    list="$(_wtd_words "$first $second" || _wtd_words "$first")"
  fi
  compadd -- \${=list} || _files
}
compdef _wtd wtd
`,
  fish: (commands) => {
    const lines = [...listContinuations(commands)].map(([before, words]) => {
      const place = before === '' ? '__fish_use_subcommand' : `__wtd_after ${before}`;
      return `complete -c wtd -f -n '${place}' -a '${words.join(' ')}'`;
    });
    return `function __wtd_after
  set -l typed (commandline -opc)[2..]
  test (count $typed) -ge (count $argv); and test "$typed[1..(count $argv)]" = "$argv"
end
${lines.join('\n')}
`;
  },
};

export const completionScript = (shell: Shell, commands: readonly Command[]): string => scripts[shell](commands);
