set edit:completion:arg-completer[csw] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) CSW_COMPLETE="elvish" csw -- $@words) | to-lines
}
