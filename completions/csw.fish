complete --keep-order --exclusive --command csw --arguments "(CSW_COMPLETE=fish csw -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
