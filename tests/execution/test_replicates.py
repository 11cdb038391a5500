import threading

from pennylane_qstore.execution.replicates import Replicates, replicate_seed


def test_equal_requests_are_numbered_from_zero_per_key():
    replicates = Replicates()
    assert [replicates.take(key) for key in "aabab"] == [0, 1, 0, 2, 1]


def test_numbers_that_served_nobody_are_given_out_again_smallest_first():
    replicates = Replicates()
    for _ in range(3):
        replicates.take("a")
    replicates.give_back([("a", 2), ("a", 0)])
    assert [replicates.take("a") for _ in range(3)] == [0, 2, 3]


def test_no_number_is_given_to_two_threads():
    replicates = Replicates()
    taken = []
    threads = [
        threading.Thread(target=lambda: [taken.append(replicates.take("a")) for _ in range(200)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1600))


def test_the_first_replicate_has_the_seed_itself_and_the_others_seeds_of_their_own():
    seeds = [replicate_seed(7, n) for n in range(1000)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 1000
    assert all(1 <= seed < 2**31 for seed in seeds)
    assert seeds == [replicate_seed(7, n) for n in range(1000)]
    assert replicate_seed(8, 1) != seeds[1]
