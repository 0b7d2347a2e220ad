# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod completion``: the scripts by which bash, zsh and fish ask ``libpod __complete`` for words."""

from __future__ import annotations

import sys
from typing import Sequence

from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..arguments import new_parser

# compgen -W would expand what is in the words. What is before a colon or = is a word of its own to bash.
_BASH = r"""# bash completion for libpod
_libpod() {
    local line=${COMP_LINE:0:COMP_POINT} words current before
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    mapfile -t COMPREPLY < <("$1" __complete "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[:=] ]] && compopt -o nospace 2>/dev/null
    before=${current%"${current##*[:=]}"}
    [[ $before && $COMP_WORDBREAKS == *"${before: -1}"* ]] && COMPREPLY=("${COMPREPLY[@]#"$before"}")
    return 0
}
complete -o default -F _libpod libpod
"""
_ZSH = r"""#compdef libpod
# zsh completion for libpod
_libpod() {
    local -a candidates
    candidates=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    candidates=(${candidates:#})
    if (( ${#candidates} )); then
        compadd -a candidates
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_libpod" ]; then
    _libpod "$@"
else
    compdef _libpod libpod
fi
"""
_FISH = r"""# fish completion for libpod
function __libpod_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c libpod -f -a '(__libpod_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Print the script for a shell."""
    parser = new_parser(
        "completion", "Print a shell's completion, as for: source <(libpod completion bash)", formats=False
    )
    parser.add_argument("-f", "--file", metavar="PATH", help="a file that gets it")
    parser.add_argument("shell", choices=tuple(_SCRIPTS), help="bash, zsh or fish")
    options = parser.parse_args(arguments)
    if options.file:
        with open(caller.absolute(options.file), "w", encoding="utf-8") as file:
            file.write(_SCRIPTS[options.shell])
    else:
        sys.stdout.write(_SCRIPTS[options.shell])
    return 0
