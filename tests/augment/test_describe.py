from augment.timemap import Span, TimeMap, in_words, unheard


def test_an_unmoved_recording_is_one_line() -> None:
    words = in_words(TimeMap.identity(75.25), source_s=75.25, output_s=75.25)
    assert words == ["0:00.000 to 1:15.250 is the source from 0:00.000 to 1:15.250"]


def test_cuts_insertions_and_tempo_are_told_apart() -> None:
    time_map = TimeMap((Span(1, 5, 0, 5), Span(7, 10, 6, 9)))
    assert in_words(time_map, source_s=10, output_s=11) == [
        "0:00.000 to 0:01.000 is not from the source",
        "0:01.000 to 0:05.000 is the source from 0:00.000 to 0:05.000, 1.2500 times as fast",
        "0:05.000 to 0:07.000 is not from the source",
        "0:07.000 to 0:10.000 is the source from 0:06.000 to 0:09.000",
        "0:10.000 to 0:11.000 is not from the source",
        "0:05.000 to 0:06.000 of the source is cut",
        "0:09.000 to 0:10.000 of the source is cut",
    ]


def test_a_repeat_leaves_nothing_unheard() -> None:
    repeated = TimeMap((Span(0, 4, 0, 4), Span(4, 11, 3, 10)))
    assert unheard(repeated, source_s=10) == []
    copied_to_the_end = TimeMap((Span(0, 10, 0, 10), Span(10, 11, 2, 3)))
    assert unheard(copied_to_the_end, source_s=10) == []


def test_what_is_unheard_does_not_depend_on_the_order_of_the_output() -> None:
    swapped = TimeMap((Span(0, 1, 5, 6), Span(1, 3, 0, 2)))
    assert unheard(swapped, source_s=7) == [(2, 5), (6, 7)]


def test_hours_appear_when_there_are_any() -> None:
    (line,) = in_words(TimeMap.identity(3661.5), source_s=3661.5, output_s=3661.5)
    assert line.startswith("0:00.000 to 1:01:01.500 ")


def test_rounding_never_shows_sixty_seconds() -> None:
    (line,) = in_words(TimeMap.identity(59.9996), source_s=59.9996, output_s=59.9996)
    assert line.startswith("0:00.000 to 1:00.000 ")


def test_nothing_left_of_the_source_is_said() -> None:
    assert in_words(TimeMap(()), source_s=2, output_s=1) == [
        "0:00.000 to 0:01.000 is not from the source",
        "0:00.000 to 0:02.000 of the source is cut",
    ]
