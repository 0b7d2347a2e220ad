# bash completion for libpod, which the command itself prints when it is first needed
_libpod() {
    local script
    script=$("$1" completion bash 2>/dev/null) || return 0
    eval "$script"
    _libpod "$@"
}
complete -o default -F _libpod libpod
