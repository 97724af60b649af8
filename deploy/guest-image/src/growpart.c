/* growpart DISK NUMBER: let an MBR partition reach the end of its disk, in the table and, while mounted, in the kernel.
   The table: four entries of 16 bytes from byte 446; first sector and length are little-endian words at bytes 8 and 12. */
#include <endian.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SECTOR 512
#define SLACK (10 * 1024 * 1024 / SECTOR)    /* less is not worth a resize */

static int fail(const char *what)
{
    perror(what);
    return 1;
}

int main(int argc, char **argv)
{
    unsigned char table[SECTOR], *entry;
    struct blkpg_partition part = {0};
    struct blkpg_ioctl_arg arg = {.op = BLKPG_RESIZE_PARTITION, .datalen = sizeof part, .data = &part};
    uint64_t bytes, length;
    uint32_t start, old, word;
    int disk, number = argc == 3 ? atoi(argv[2]) : 0;

    if (number < 1 || number > 4 || (disk = open(argv[1], O_RDWR)) < 0)
        return fail("growpart");
    if (pread(disk, table, SECTOR, 0) != SECTOR || ioctl(disk, BLKGETSIZE64, &bytes))
        return fail(argv[1]);
    entry = table + 446 + 16 * (number - 1);
    memcpy(&start, entry + 8, 4);
    memcpy(&old, entry + 12, 4);
    start = le32toh(start);
    old = le32toh(old);
    length = bytes / SECTOR - start;
    if (length > UINT32_MAX)
        length = UINT32_MAX;
    if (length < (uint64_t)old + SLACK)
        return 1;
    word = htole32((uint32_t)length);
    memcpy(entry + 12, &word, 4);
    if (pwrite(disk, table, SECTOR, 0) != SECTOR || fsync(disk))
        return fail(argv[1]);
    part.pno = number;
    part.start = (long long)start * SECTOR;
    part.length = (long long)length * SECTOR;
    return ioctl(disk, BLKPG, &arg) ? fail("BLKPG") : 0;
}
