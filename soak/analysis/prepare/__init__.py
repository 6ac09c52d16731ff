"""From a recording to the series that are judged: derived series, masked samples, accounting of collections."""
