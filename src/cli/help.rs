//! What the help of `csw` itself tells beyond commands and flags.

/// What `csw -h` tells after the commands.
pub(super) const EXAMPLES: &str = "\
Examples:
  csw jobs run -n Examples/Solow     # a simulation, here and now
  csw models lint                    # every mistake in the configuration
  csw up                             # a stack to submit jobs to
  csw cluster info                   # settings, and who set them

--help tells more than -h: what the exit codes mean.";

/// What `csw --help` tells beyond `csw -h`; the README has the same table.
pub(super) const LONG: &str = "\
Examples:
  csw jobs run -n Examples/Solow     # a simulation, here and now
  csw models lint                    # every mistake in the configuration
  csw up                             # a stack to submit jobs to
  csw cluster info                   # settings, and who set them

Exit codes:
   0  everything that was asked for is done
   1  user or configuration error: a file, a name or a value is wrong
   2  usage error: the command line could not be understood
   3  changes are pending (only with --exit-code)
   4  a remote side refused or could not be reached
   5  a wait timed out, or a job failed
  70  internal error: a bug in csw

Data goes to stdout, everything else to stderr. Colour is left out where stderr is no terminal or NO_COLOR is set.
Questions are asked on a terminal only.";
