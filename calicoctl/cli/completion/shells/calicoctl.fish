# Completion of calicoctl for fish. In ~/.config/fish/config.fish:
#
#     calicoctl completion fish | source

function __calicoctl_candidates
    set -l words (commandline -opc)
    set -e words[1]
    set -l token (commandline -ct)
    # Without its quotes; unchanged if a quote is still open.
    set -l prefix (string unescape -- "$token"; or printf '%s' "$token")
    set -l answer (command calicoctl __complete $words "$prefix" 2>/dev/null)
    if string match -q -- ':files*' "$answer[1]"
        set -l fixed (string split -m 1 \t -- "$answer[1]")[2]
        set -l path (string sub -s (math (string length -- "$fixed") + 1) -- "$prefix")
        for file in (__fish_complete_path "$path")
            printf '%s\n' "$fixed$file"
        end
    else
        printf '%s\n' $answer
    end
end

complete -c calicoctl -f -a '(__calicoctl_candidates)'
