#compdef calicoctl
# Completion of calicoctl for zsh. In ~/.zshrc, after `autoload -Uz compinit && compinit`:
#
#     source <(calicoctl completion zsh)
#
# or as the file `_calicoctl` in a folder of $fpath.

_calicoctl() {
    local word summary
    # (Q) removes the quotes from the words and evaluates nothing.
    local -a typed=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
    local -a whole whole_listed open open_listed
    while IFS=$'\t' read -r word summary; do
        if [[ $word == :files ]]; then
            [[ -z $summary ]] || compset -P "${(b)summary}"
            _files
            return
        fi
        # After these characters the word continues, so no space is inserted.
        if [[ $word == *[=:/] ]]; then
            open+=("$word")
            open_listed+=("$word${summary:+  -- $summary}")
        else
            whole+=("$word")
            whole_listed+=("$word${summary:+  -- $summary}")
        fi
    done < <(command calicoctl __complete "${typed[@]}" 2>/dev/null)
    local -a layout
    [[ "${whole_listed[*]}${open_listed[*]}" != *'  -- '* ]] || layout=(-l)
    compadd -V calicoctl $layout -d whole_listed -a whole
    local result=$?
    compadd -V calicoctl $layout -S '' -d open_listed -a open || return $result
}

if [[ ${funcstack[1]} == _calicoctl ]]; then
    _calicoctl "$@"
else
    compdef _calicoctl calicoctl
fi
