"""Turn a recording into the series that are judged: derived series, masked samples, garbage-collection accounting."""
