# Completion of calicoctl for bash 4.4 or later. In ~/.bashrc:
#
#     source <(calicoctl completion bash)

_calicoctl() {
    local word summary
    local -a words=() listed=()
    COMPREPLY=()
    # The line is passed as text; neither it nor the answer is evaluated.
    while IFS=$'\t' read -r word summary; do
        if [[ $word == :files ]]; then
            compopt -o default
            return
        fi
        words+=("$word")
        listed+=("$word${summary:+  ($summary)}")
    done < <(command calicoctl __complete_bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    if ((${#words[@]} > 1)) && [[ $COMP_TYPE == 63 || $COMP_TYPE == 33 || $COMP_TYPE == 64 ]]; then
        # A list is displayed. At most the common prefix is inserted, so the summaries are harmless.
        COMPREPLY=("${listed[@]}")
        return
    fi
    COMPREPLY=("${words[@]}")
    if [[ ${#words[@]} -eq 1 && ${words[0]} == *[=:/] ]]; then
        compopt -o nospace
    fi
}

complete -o nosort -F _calicoctl calicoctl
